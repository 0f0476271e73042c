"""Command lines: parsing, and the flags that all commands have in common."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import grpc

from bayespfl._admin import Admin
from bayespfl._client import Inspector
from bayespfl._settings import TLS, read_token
from bayespfl._text import one_line
from bayespfl.cli._exit_codes import Exit
from bayespfl.errors import InspectionError
from bayespfl.results import HealthState

_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class Parser(argparse.ArgumentParser):
    """An argument parser whose wrong usage has the exit code of this program, and that takes no half words."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.LOCAL, f"{self.prog}: {message}\n")


def number(low: float, high: float) -> Callable[[str], float]:
    """A converter of an argument: a number of low..high."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no number of {low:g}..{high:g}")
        return value

    return convert


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A converter of an argument: a whole number of low..high."""

    def convert(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {low}..{high}")
        return int(text)

    return convert


def add_connection_flags(
    command: argparse.ArgumentParser, timeout: float, timeout_help: str, *, admin: bool = False
) -> None:
    """Where the server is, and how it is reached."""
    if admin:
        from_environment = os.environ.get("BAYESPFL_ADMIN")
        command.add_argument(
            "--admin",
            dest="server",
            metavar="HOST:PORT",
            default=from_environment,
            required=from_environment is None,
            help="Address of the server's administration port (its setting admin_port); default: $BAYESPFL_ADMIN",
        )
    else:
        command.add_argument(
            "--server",
            metavar="HOST:PORT",
            default=os.environ.get("BAYESPFL_SERVER", "127.0.0.1:50051"),
            help="Address of the server (default: $BAYESPFL_SERVER, else 127.0.0.1:50051)",
        )
    command.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=number(0.001, 86400),
        default=timeout,
        help=f"{timeout_help} (default: {timeout:g})",
    )
    command.add_argument(
        "--tls-ca",
        metavar="FILE",
        default=os.environ.get("BAYESPFL_TLS_CA"),
        help="Use TLS; PEM authorities of the server's certificate (default: $BAYESPFL_TLS_CA)",
    )
    command.add_argument("--tls-cert", metavar="FILE", help="PEM certificate of this client")
    command.add_argument("--tls-key", metavar="FILE", help="PEM private key of --tls-cert")
    command.add_argument(
        "--token-file",
        metavar="FILE",
        default=os.environ.get("BAYESPFL_TOKEN_FILE"),
        help="File with a bearer token (default: $BAYESPFL_TOKEN_FILE); else the token itself in $BAYESPFL_TOKEN",
    )
    command.add_argument(
        "--allow-plaintext-token", action="store_true", help="Send the token without TLS to another machine"
    )


def connection_arguments(parsed: argparse.Namespace) -> dict[str, Any]:
    """The flags as arguments of a client. InspectionError for files that are not what they should be."""
    tls = None
    if parsed.tls_ca or parsed.tls_cert or parsed.tls_key:
        tls = TLS(ca=parsed.tls_ca, certificate=parsed.tls_cert, key=parsed.tls_key)
    token = read_token(parsed.token_file) if parsed.token_file else os.environ.get("BAYESPFL_TOKEN")
    return {
        "target": parsed.server,
        "tls": tls,
        "token": token,
        "allow_plaintext_token": parsed.allow_plaintext_token,
        "timeout": parsed.timeout,
        "connect_timeout": min(parsed.timeout, 5.0),
    }


def connect(parsed: argparse.Namespace) -> Inspector | None:
    """An inspector, or None after an error message."""
    try:
        return Inspector(**connection_arguments(parsed))
    except InspectionError as error:
        print_error(error.message)
        return None


def print_error(message: str) -> None:
    """One line on standard error."""
    print(f"bayespfl: {one_line(message)}", file=sys.stderr)


def is_no_answer(error: InspectionError) -> bool:
    """Whether the error means that the server cannot be reached, or does not serve."""
    return error.code in _NO_ANSWER


def report_refusal(who: str, error: InspectionError) -> Exit:
    """What a server said against it, and what may help."""
    text = f"{who} refused: {error.message}"
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        text += " (--token-file gives one)"
    if error.retry_after is not None:
        text += f"; try again in {error.retry_after:g} s"
    print_error(text)
    return Exit.LOCAL


def report_server_error(client: Inspector, error: InspectionError) -> Exit:
    """Says what is wrong with the server, or with what was asked of it."""
    who = f"the server at {client.target}"
    if not is_no_answer(error):
        return report_refusal(who, error)
    state: HealthState | None
    try:
        state = client.health(timeout=5)
    except InspectionError:
        state = None
    if state is not None:
        print_error(f"{who} is there but does not serve: {error.message}")
    else:
        print_error(
            f"cannot reach {who}: {error.message}; is it running? try `bayespfl health --server {client.target}`"
        )
    return Exit.UNREACHABLE


def with_admin(action: Callable[[Admin, argparse.Namespace], Exit]) -> Callable[[argparse.Namespace], Exit]:
    """What runs `action` with a client of the administration port, and says why there is no answer."""

    def run(parsed: argparse.Namespace) -> Exit:
        try:
            admin = Admin(**connection_arguments(parsed))
        except InspectionError as error:
            print_error(error.message)
            return Exit.LOCAL
        who = f"the administration port at {admin.target}"
        with admin:
            try:
                return action(admin, parsed)
            except InspectionError as error:
                if not is_no_answer(error):
                    return report_refusal(who, error)
                print_error(f"no answer from {who}: {error.message}")
                return Exit.UNREACHABLE

    return run

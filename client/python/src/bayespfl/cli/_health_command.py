"""`bayespfl health`."""

from __future__ import annotations

import argparse
from typing import Any

from bayespfl.cli._arguments import add_connection_flags, connect, print_error
from bayespfl.cli._exit_codes import Exit
from bayespfl.errors import InspectionError
from bayespfl.results import HealthState


def _run(parsed: argparse.Namespace) -> Exit:
    client = connect(parsed)
    if client is None:
        return Exit.LOCAL
    with client:
        try:
            state = client.health(timeout=parsed.timeout)
        except InspectionError as error:
            print_error(f"cannot reach the server at {client.target}: {error.message}")
            return Exit.UNREACHABLE
    print(state)
    return Exit.OK if state is HealthState.SERVING else Exit.UNREACHABLE


def add_health_command(commands: Any) -> None:
    """Adds itself to the program."""
    command = commands.add_parser("health", help="Ask whether the server is ready; exit 0 when it is, else 3")
    add_connection_flags(command, 5, "Longest wait for the answer")
    command.set_defaults(run=_run)

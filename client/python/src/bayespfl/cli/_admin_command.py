"""`bayespfl admin`."""

from __future__ import annotations

import argparse
import re
import time
from datetime import timedelta
from typing import Any

from google.protobuf import timestamp_pb2

from bayespfl._admin import Admin
from bayespfl._json import json_text
from bayespfl._text import one_line
from bayespfl.admin.v1 import server_admin_pb2
from bayespfl.cli._arguments import Parser, add_connection_flags, print_error, with_admin
from bayespfl.cli._exit_codes import Exit

_DRAIN_POLL = 0.2  # seconds
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def _duration(text: str) -> timedelta:
    """A time such as 90s, 10m or 1h30m."""
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; expected one such as 90s, 10m or 2h")
    lasting = timedelta()
    for amount, unit in _PART.findall(text):
        lasting += timedelta(**{_UNITS[unit]: float(amount)})
    if lasting <= timedelta():
        raise argparse.ArgumentTypeError(f"{text!r} is no time; expected one such as 90s, 10m or 2h")
    return lasting


def _time_text(when: timestamp_pb2.Timestamp) -> str:
    return f"{when.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"


def _log_level(admin: Admin, parsed: argparse.Namespace) -> Exit:
    lasting: timedelta | None = getattr(parsed, "for")
    if parsed.level is None and lasting is not None:
        print_error("--for needs a level")
        return Exit.LOCAL
    if parsed.level is not None and parsed.configured:
        print_error("--configured goes without a level")
        return Exit.LOCAL
    if parsed.configured:
        level = admin.set_log_level("")
    elif parsed.level is None:
        level = admin.log_level()
    else:
        level = admin.set_log_level(parsed.level, lasting)
    until = f" until {_time_text(level.until)}" if level.HasField("until") else ""
    print(f"{one_line(level.level)}{until} (configured: {one_line(level.configured)})")
    return Exit.OK


def _is_drained(progress: server_admin_pb2.DrainResponse) -> bool:
    return (
        progress.phase >= server_admin_pb2.SERVER_PHASE_DRAINING
        and progress.calls_open == 0
        and progress.frames_in_flight == 0
    )


def _drain(admin: Admin, parsed: argparse.Namespace) -> Exit:
    deadline = time.monotonic() + parsed.timeout
    progress = admin.drain()
    while parsed.wait and not _is_drained(progress) and time.monotonic() < deadline:
        time.sleep(_DRAIN_POLL)
        progress = admin.drain()
    phase = server_admin_pb2.ServerPhase.Name(progress.phase).removeprefix("SERVER_PHASE_")
    print(
        f"{phase}: {progress.frames_in_flight} frames in flight, {progress.streams_open} streams and "
        f"{progress.calls_open - progress.streams_open} other calls open"
    )
    if not parsed.wait or _is_drained(progress):
        return Exit.OK
    print_error("the server is not drained yet; the drain goes on")
    return Exit.LOCAL


def _source(setting: server_admin_pb2.Setting) -> str:
    return server_admin_pb2.SettingSource.Name(setting.source).removeprefix("SETTING_SOURCE_").lower()


def _to_json(configuration: server_admin_pb2.GetConfigurationResponse) -> dict[str, Any]:
    certificate, tokens = None, None
    if configuration.HasField("certificate"):
        certificate = {
            "sha256": configuration.certificate.sha256,
            "not_after": _time_text(configuration.certificate.not_after),
        }
    if configuration.HasField("tokens"):
        tokens = {"sha256": configuration.tokens.sha256, "tokens": configuration.tokens.tokens}
    return {
        "server_version": configuration.server_version,
        "config_file": configuration.config_file,
        "settings": [
            {
                "key": setting.key,
                "value": setting.value,
                "in_use": setting.in_use,
                "source": _source(setting),
                "place": setting.place,
            }
            for setting in configuration.settings
        ],
        "models": [{"name": model.name, "digest": model.digest} for model in configuration.models],
        "certificate": certificate,
        "tokens": tokens,
    }


def _print_configuration(configuration: server_admin_pb2.GetConfigurationResponse) -> None:
    for setting in configuration.settings:
        in_use = f" (in use: {one_line(setting.in_use)})" if setting.in_use != setting.value else ""
        place = f", {one_line(setting.place)}" if setting.place else ""
        print(f"{one_line(setting.key)}: {one_line(setting.value)}{in_use}  # {_source(setting)}{place}")
    file = f", file {one_line(configuration.config_file)}" if configuration.config_file else ""
    print(f"# server {one_line(configuration.server_version)}{file}")
    for model in configuration.models:
        print(f"# model {one_line(model.name)}, digest {one_line(model.digest)}")
    if configuration.HasField("certificate"):
        certificate = configuration.certificate
        print(f"# certificate {one_line(certificate.sha256)}, expires {_time_text(certificate.not_after)}")
    if configuration.HasField("tokens"):
        print(f"# tokens_file {one_line(configuration.tokens.sha256)}, {configuration.tokens.tokens} tokens")


def _config(admin: Admin, parsed: argparse.Namespace) -> Exit:
    configuration = admin.configuration()
    if parsed.json:
        print(json_text(_to_json(configuration)))
    else:
        _print_configuration(configuration)
    return Exit.OK


def add_admin_command(commands: Any) -> None:
    """Adds itself to the program."""
    group = commands.add_parser("admin", help="Look after a server: log level, drain, configuration")
    admin = group.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    level = admin.add_parser("log-level", help="Show the level of the server's log, or change it")
    level.add_argument("level", nargs="?", help="debug, info, warning or error (default: only show it)")
    level.add_argument(
        "--for",
        metavar="TIME",
        type=_duration,
        help="Go back to the configured level after this time: 90s, 10m, 2h",
    )
    level.add_argument("--configured", action="store_true", help="Go back to the configured level now")
    drain = admin.add_parser("drain", help="Take the server out of service, without ending it; there is no way back")
    drain.add_argument("--wait", action="store_true", help="Return when nothing is in flight any more")
    config = admin.add_parser(
        "config", help="The server's settings and where they come from, its models, certificate and tokens"
    )
    config.add_argument("--json", action="store_true", help="Print one JSON object")
    for command, run, timeout in ((level, _log_level, 5), (drain, _drain, 60), (config, _config, 5)):
        add_connection_flags(command, timeout, "Longest wait for the answer", admin=True)
        command.set_defaults(run=with_admin(run))

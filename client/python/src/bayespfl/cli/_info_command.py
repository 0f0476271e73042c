"""`bayespfl info`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from bayespfl._json import json_text
from bayespfl.cli._arguments import add_connection_flags, connect, report_server_error
from bayespfl.cli._exit_codes import Exit
from bayespfl.cli._model_view import model_to_json, print_fields
from bayespfl.errors import InspectionError
from bayespfl.results import Model, ServerLimits


def _limits(limits: ServerLimits) -> dict[str, Any]:
    fields = asdict(limits)
    fields["min_ping_interval_seconds"] = fields.pop("min_ping_interval")
    fields["max_stream_age_seconds"] = fields.pop("max_stream_age")
    return fields


def _model_text(model: Model) -> str:
    plural = "category" if model.categories_total == 1 else "categories"
    return f"{model.name} {model.version} on {model.device}, {model.categories_total} calibrated {plural}"


def _run(parsed: argparse.Namespace) -> Exit:
    client = connect(parsed)
    if client is None:
        return Exit.LOCAL
    with client:
        try:
            info = client.server_info()
        except InspectionError as error:
            return report_server_error(client, error)
        model: Model | None = None
        missing = ""
        try:
            model = client.model(timeout=min(parsed.timeout, 1.0))  # a server that loads its first has none yet
        except InspectionError as error:
            missing = error.message
    limits = _limits(info.limits)
    if parsed.json:
        shown = None if model is None else model_to_json(model)
        print(json_text({"server_version": info.version, "default_model": shown, "limits": limits}))
    else:
        text = f"none: {missing}" if model is None else _model_text(model)
        print_fields({"server_version": info.version, "default_model": text} | limits)
    return Exit.OK


def add_info_command(commands: Any) -> None:
    """Adds itself to the program."""
    command = commands.add_parser("info", help="Show the server's version, limits and default model")
    add_connection_flags(command, 5, "Longest wait for the answer")
    command.add_argument("--json", action="store_true", help="Print one JSON object")
    command.set_defaults(run=_run)

"""`bayespfl models`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from bayespfl._admin import Admin
from bayespfl._json import json_text
from bayespfl._text import one_line
from bayespfl.cli._arguments import (
    Parser,
    add_connection_flags,
    connect,
    report_server_error,
    with_admin,
)
from bayespfl.cli._exit_codes import Exit
from bayespfl.cli._model_view import model_to_json, model_with_categories_to_json, print_model, print_models
from bayespfl.errors import InspectionError

_LOAD_PATIENCE = 600  # seconds: a package is read, checked and warmed up before the call returns


def _list(parsed: argparse.Namespace) -> Exit:
    client = connect(parsed)
    if client is None:
        return Exit.LOCAL
    with client:
        try:
            models = client.models()
        except InspectionError as error:
            return report_server_error(client, error)
    if parsed.json:
        print(json_text({"models": [model_to_json(model) for model in models]}))
    else:
        print_models(models)
    return Exit.OK


def _get(parsed: argparse.Namespace) -> Exit:
    client = connect(parsed)
    if client is None:
        return Exit.LOCAL
    with client:
        try:
            model = client.model(parsed.name)
        except InspectionError as error:
            return report_server_error(client, error)
    if parsed.json:
        print(json_text(model_with_categories_to_json(model)))
    else:
        print_model(model)
    return Exit.OK


def _load(admin: Admin, name: str) -> str:
    model = admin.load(name)
    default = ", the default" if model.is_default else ""
    return f"{one_line(model.name)} serves: {one_line(model.version)} on {one_line(model.device)}{default}"


def _unload(admin: Admin, name: str) -> str:
    admin.unload(name)
    return f"{one_line(name)} serves no more"


def _default(admin: Admin, name: str) -> str:
    admin.set_default(name)
    return f"{one_line(name)} answers the requests that name no model"


def _change(action: Callable[[Admin, str], str]) -> Callable[[argparse.Namespace], Exit]:
    def change(admin: Admin, parsed: argparse.Namespace) -> Exit:
        print(action(admin, parsed.name))
        return Exit.OK

    return with_admin(change)


def _add_change(models: Any, name: str, text: str, action: Callable[[Admin, str], str]) -> None:
    command = models.add_parser(name, help=text)
    command.add_argument("name", help="The model, as requests call it")
    add_connection_flags(command, _LOAD_PATIENCE, "Longest wait for the change", admin=True)
    command.set_defaults(run=_change(action))


def add_models_command(commands: Any) -> None:
    """Adds itself to the program."""
    group = commands.add_parser("models", help="Show a server's models, or change them")
    models = group.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    listing = models.add_parser("list", help="The models that serve")
    getting = models.add_parser("get", help="One model, with the categories it is calibrated for")
    getting.add_argument(
        "name", nargs="?", default="", help="The model, as requests call it (default: the default one)"
    )
    for command, run in ((listing, _list), (getting, _get)):
        add_connection_flags(command, 5, "Longest wait for the answer")
        command.add_argument("--json", action="store_true", help="Print one JSON object")
        command.set_defaults(run=run)
    _add_change(models, "load", "Load a package of the server's model_root, or load it anew", _load)
    _add_change(models, "unload", "Take a model out of service", _unload)
    _add_change(models, "default", "Let a model answer the requests that name none", _default)

"""`bayespfl`: inspects pictures with an inspection server, from the command line; what `bayespfl-client` does, in Python.

Results go to standard output, errors to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from bayespfl._version import __version__
from bayespfl.cli._admin_command import add_admin_command
from bayespfl.cli._arguments import Parser
from bayespfl.cli._exit_codes import EXIT_CODE_HELP, Exit
from bayespfl.cli._health_command import add_health_command
from bayespfl.cli._info_command import add_info_command
from bayespfl.cli._inspect_command import add_inspect_command
from bayespfl.cli._models_command import add_models_command
from bayespfl.cli._replay_command import add_replay_command

_INTERRUPTED = 130  # 128 + SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that `arguments` (default: the process's) name; returns the exit code."""
    parser = Parser(
        prog="bayespfl",
        description="Client of the Bayes-PFL inspection server: finds defects in pictures, given only the object's name.",
        epilog=EXIT_CODE_HELP,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_inspect_command(commands)
    add_replay_command(commands)
    add_models_command(commands)
    add_admin_command(commands)
    add_info_command(commands)
    add_health_command(commands)
    parsed = parser.parse_args(arguments)
    try:
        code: Exit = parsed.run(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.LOCAL
    return code

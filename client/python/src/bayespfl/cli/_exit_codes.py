"""Exit codes, for scripts: those of `bayespfl-client`."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """When several apply: 1 before 3 before 4 before 2."""

    OK = 0
    LOCAL = 1  # wrong usage, an unreadable file, results that could not be written, a refusal
    EXCEEDED = 2  # a verdict or score was over --fail-on or --fail-above; a replayed answer is different
    UNREACHABLE = 3  # the server cannot be reached, or is not serving
    FRAMES = 4  # some frames failed, or had no verdict for --fail-on


EXIT_CODE_HELP = (
    "Exit codes: 0 all is well; 1 wrong usage, a local error or a refusal; 2 a verdict is at least --fail-on or a score "
    "over --fail-above, or a replayed answer is different; 3 the server cannot be reached or is not serving; 4 some "
    "frames failed, or had no verdict for --fail-on. When several apply: 1 before 3 before 4 before 2."
)

"""The pages and their blocks, and the shell's commands in a block."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# Notes on the tests themselves, which hold formats and no commands.
NOT_READ = "tests/"

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_PLAIN_FENCE = re.compile(r"```([a-z]*)")
_LIST_ITEM = re.compile(r"([-*+]|\d+[.)])\s")


@dataclass(frozen=True)
class Block:
    """What stands between two fences. `line` is the opening fence's, from 1; `tag` is empty where it has none."""

    page: str
    line: int
    tag: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.tag or 'no tag'})"


@dataclass(frozen=True)
class Page:
    """A page's blocks, in order, and what this reader, or another one, could miss in it."""

    name: str
    blocks: tuple[Block, ...]
    problems: tuple[str, ...]

    def of(self, tag: str) -> list[Block]:
        return [block for block in self.blocks if block.tag == tag]

    def without(self, first_lines: Collection[str]) -> Page:
        """Raises LookupError unless each of them is the first line of one block."""
        firsts = [block.text.partition("\n")[0] for block in self.blocks]
        for line in first_lines:
            if firsts.count(line) != 1:
                raise LookupError(f"{self.name}: {firsts.count(line)} blocks begin with {line!r}")
        kept = [block for block, first in zip(self.blocks, firsts, strict=True) if first not in first_lines]
        return replace(self, blocks=tuple(kept))


def tracked_files() -> list[str]:
    """What a clone would have, and what is new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    return [name for name in sorted(set(listed.split("\0"))) if name and (REPOSITORY / name).is_file()]


def all_pages() -> dict[str, Page]:
    names = [name for name in tracked_files() if name.endswith(".md") and not name.startswith(NOT_READ)]
    return {name: read_page(name, (REPOSITORY / name).read_text()) for name in names}


def read_page(name: str, text: str) -> Page:
    """Of the many ways in which Markdown writes code, one is allowed: a bare fence in the first column. The clients' own
    tests look for nothing else, so that a block in another form would be run by nobody."""
    blocks: list[Block] = []
    problems: list[str] = []
    opened: tuple[int, str] | None = None
    content: list[str] = []
    in_list = False
    after_blank = True
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}:{number}"
        if opened is not None:
            if line == "```":
                blocks.append(Block(name, opened[0], opened[1], "".join(f"{each}\n" for each in content)))
                opened, content = None, []
            else:
                content.append(line)
            after_blank = False
            continue
        if _FENCE.match(line):
            fence = _PLAIN_FENCE.fullmatch(line)
            if fence is None:
                problems.append(
                    f"{where}: a fence that is not ``` and a tag of small letters in the first column: {line}"
                )
            opened = (number, fence[1] if fence else "?")
        elif after_blank and not in_list and re.match(r"(    |\t)\s*\S", line):
            problems.append(f"{where}: indented code; a fence with a tag says what it is")
        elif "<pre" in line:
            problems.append(f"{where}: <pre>; a fence with a tag says what it is")
        if line.strip():
            in_list = bool(_LIST_ITEM.match(line)) or (in_list and line[0].isspace())
        after_blank = not line.strip()
    if opened is not None:
        problems.append(f"{name}:{opened[0]}: a fence without an end")
    return Page(name, tuple(blocks), tuple(problems))


def commands_of(text: str) -> list[str]:
    """The shell's complete commands, one after the other; comments and empty lines between them are left out."""
    commands: list[str] = []
    pending = ""
    for line in text.splitlines():
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        pending += f"{line}\n"
        if _complete(pending):
            commands.append(pending.rstrip("\n"))
            pending = ""
    if pending:
        raise ValueError(f"the shell does not understand\n{pending}")
    return commands


def _complete(text: str) -> bool:
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    # A here-document that has not ended is only warned of.
    return checked.returncode == 0 and not checked.stderr and not text.endswith("\\\n")

"""Reads a page from top to bottom and does what it says."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from checkout import make_checkout, make_environment
from expectations import check_shown
from pages import Block, Page, commands_of
from plans import Plan
from terminal import Finished, Terminal

# Told of each command of a page, when it has ended or, of a server, is ready.
Report = Callable[[Finished], None]


class Lost(AssertionError):
    """The page does not lead where it says, or the plan is not of this page; the message has the place."""


def follow(page: Page, plan: Plan, report: Report) -> None:
    """Raises `Lost` at the first command that fails, or does something else than the page or the plan says."""
    check_plan(page, plan)
    steps = [(block, adapt(command, plan)) for block in page.of("sh") for command in commands_of(block.text)]
    with tempfile.TemporaryDirectory(prefix="bayespfl-docs-") as scratch:
        folder, notes = Path(scratch, "checkout"), Path(scratch, "notes")
        notes.mkdir()
        make_checkout(folder)
        with Terminal(folder, notes, make_environment(Path(scratch), folder)) as terminal:
            _prepare(page, plan, folder, terminal)
            done = [_do(block, command, plan, folder, terminal, report) for block, command in steps]
            code = terminal.stop_server()
    if code not in (None, 0):
        raise Lost(f"{page.name}: the server ends with exit code {code}")
    if plan.shows:
        for block, text in zip(page.of(""), plan.shows, strict=True):
            shown = done[only_one_with(text, [command for _, command in steps], page.name)]
            _check(block, shown, partial(check_shown, block.text, shown.output))


def adapt(command: str, plan: Plan) -> str:
    for instead in plan.instead:
        command = command.replace(instead.text, instead.run)
    return command


def check_plan(page: Page, plan: Plan) -> None:
    """Raises `Lost` when the plan names what the page does not have, or has more than once where one is meant."""
    as_written = [command for block in page.of("sh") for command in commands_of(block.text)]
    for text in [*plan.has, *(instead.text for instead in plan.instead)]:
        if not any(text in command for command in as_written):
            raise Lost(f"{page.name}: plans.py knows of {text!r}, but no command has it")
    as_run = [adapt(command, plan) for command in as_written]
    for text in [*plan.exits, *plan.checks, *plan.shows]:
        only_one_with(text, as_run, page.name)
    for tag, entries in {"yaml": plan.yaml, "": plan.shows}.items():
        if entries and len(entries) != len(page.of(tag)):
            raise Lost(f"{page.name}: {len(page.of(tag))} blocks with the tag {tag!r}, but {len(entries)} in plans.py")


def only_one_with(text: str, commands: Sequence[str], page: str) -> int:
    """The place of the one command that holds the text."""
    found = [place for place, command in enumerate(commands) if text in command]
    if len(found) != 1:
        raise Lost(f"{page}: plans.py means one command with {text!r}, but {len(found)} have it")
    return found[0]


def _prepare(page: Page, plan: Plan, folder: Path, terminal: Terminal) -> None:
    for name, block in zip(plan.yaml, page.of("yaml"), strict=True):
        (folder / name).write_text(block.text)
    for command in [*plan.has.values(), *filter(None, [plan.server])]:
        finished = terminal.run(command)
        if finished.exit_code != 0:
            raise Lost(f"{page.name}: what plans.py does before the page fails:\n{finished}")


def _do(block: Block, command: str, plan: Plan, folder: Path, terminal: Terminal, report: Report) -> Finished:
    try:
        finished = terminal.run(command)
    except TimeoutError as error:
        raise Lost(f"{block}: {error}") from error
    report(finished)
    expected = next((code for text, code in plan.exits.items() if text in command), 0)
    if finished.exit_code != expected:
        raise Lost(f"{block}: exit code {finished.exit_code} instead of {expected}:\n{finished}")
    for text, checks in plan.checks.items():
        if text in command:
            for check in checks:
                _check(block, finished, partial(check, finished, folder))
    return finished


def _check(block: Block, finished: Finished, check: Callable[[], None]) -> None:
    try:
        check()
    except AssertionError as error:
        raise Lost(f"{block}: {error}\n{finished}") from error

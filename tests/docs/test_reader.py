"""The reader itself: what it finds on a page, what it does, and that it sees what goes wrong."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from expectations import check_shown, every_line, says, tells, warns_of_nothing, writes
from pages import Block, commands_of, read_page
from plans import Instead, Plan
from reader import Lost, check_plan
from terminal import Finished, Terminal, starts_server

PAGE = """# Title

```sh
one   # a comment
two \\
  --more
```

- a list

    that goes on

```
shown
```
"""


def test_blocks_are_found_with_line_and_tag() -> None:
    page = read_page("page.md", PAGE)

    assert not page.problems
    assert page.blocks == (
        Block("page.md", 3, "sh", "one   # a comment\ntwo \\\n  --more\n"),
        Block("page.md", 13, "", "shown\n"),
    )


def test_a_block_is_left_out_by_its_first_line() -> None:
    page = read_page("page.md", PAGE)

    assert [block.line for block in page.without(["shown"]).blocks] == [3]
    with pytest.raises(LookupError, match="0 blocks"):
        page.without(["two \\"])
    with pytest.raises(LookupError, match="2 blocks"):
        read_page("page.md", PAGE + PAGE).without(["shown"])


@pytest.mark.parametrize(
    "text",
    [
        "  ```sh\n  ls\n  ```\n",
        "~~~sh\nls\n~~~\n",
        "````sh\nls\n````\n",
        "```sh title=x\nls\n```\n",
        "```sh\nls\n",
        "```sh\nls\n ```\n",
        "Text.\n\n    ls\n",
        "Text.\n\n\tls\n",
        "<pre>ls</pre>\n",
    ],
)
def test_code_in_another_form_is_a_problem(text: str) -> None:
    assert read_page("page.md", text).problems


def test_commands_are_whole() -> None:
    text = "# first\none \\\n  --more\n\nfor i in 1 2; do\n  two $i\ndone\ncat <<X\ntext\nX\nthree; four\n"

    assert commands_of(text) == [
        "one \\\n  --more",
        "for i in 1 2; do\n  two $i\ndone",
        "cat <<X\ntext\nX",
        "three; four",
    ]


def test_a_block_that_is_no_shell_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not understand"):
        commands_of("if true; then\n")


def test_servers_are_told_from_other_commands() -> None:
    assert starts_server("build/bin/bayespfl-server --model X   # it's here")
    assert not starts_server("bayespfl-client info --server bayespfl-server")
    assert not starts_server("for i in 1; do\n  bayespfl-server\ndone")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "work").mkdir()
    with Terminal(tmp_path / "work", tmp_path, {"PATH": os.environ["PATH"]}) as opened:
        yield opened


def make_server(tmp_path: Path, script: str) -> str:
    """A program of that name; returns the command."""
    program = tmp_path / "bayespfl-server"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_commands_share_variables_and_a_folder(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("name=value")
    finished = terminal.run("echo $name | tee file; echo aside >&2")

    assert (finished.exit_code, finished.output, finished.errors) == (0, "value\n", "aside\n")
    assert (tmp_path / "work" / "file").read_text() == "value\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("(exit 3); true", 3),
        ("(exit 4) | cat", 4),
        ("(exit 5) && true", 5),
        ("exit 6", 6),
        ("for i in 1 2; do (exit $i); done", 2),
        ("if false; then true; fi; false || true", 0),
    ],
)
def test_no_failure_is_missed(terminal: Terminal, command: str, code: int) -> None:
    assert terminal.run(command).exit_code == code


def test_a_command_that_does_not_end_is_ended(terminal: Terminal) -> None:
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match="begun"):
        terminal.run("echo begun; sleep 60", limit_s=0.5)

    assert time.monotonic() - begin < 10


def test_a_server_runs_beside_the_commands_until_it_is_stopped(terminal: Terminal, tmp_path: Path) -> None:
    script = 'trap "exit 7" INT; echo $$ >pid; echo "bayespfl-server: ready (x)"; while :; do sleep 0.1; done'
    assert terminal.run(make_server(tmp_path, script)).exit_code == 0

    assert terminal.run("kill -0 $(cat pid)").exit_code == 0
    assert terminal.stop_server() == 7
    assert terminal.run("kill -0 $(cat pid)").exit_code != 0
    assert terminal.stop_server() is None


def test_a_second_server_needs_a_good_end_of_the_first(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run(make_server(tmp_path, 'trap "exit 7" INT; echo "bayespfl-server: ready"; while :; do sleep 0.1; done'))

    with pytest.raises(RuntimeError, match="not ended well"):
        terminal.run(str(tmp_path / "bayespfl-server"))


def test_a_server_that_ends_has_its_own_exit_code(terminal: Terminal, tmp_path: Path) -> None:
    finished = terminal.run(make_server(tmp_path, "echo no port >&2; exit 1"))

    assert (finished.exit_code, finished.errors) == (1, "no port\n")


def test_a_server_that_does_not_get_ready_is_ended(terminal: Terminal, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="not ready"):
        terminal.run(make_server(tmp_path, "echo $$ >pid; exec sleep 60"), limit_s=0.5)

    pid = (tmp_path / "work" / "pid").read_text().strip()
    assert subprocess.run(["kill", "-0", pid], capture_output=True, check=False).returncode != 0


SHOWN = "image       verdict    score     latency\na.jpg       FAIL       0.984    496.5 ms\n\n2 frames, 1.5 s\n"


def test_output_may_have_other_times_and_more_lines() -> None:
    check_shown(SHOWN, "image verdict score latency\nb.jpg PASS 0.1 1 ms\na.jpg FAIL 0.985 9.2 ms\n2 frames, 0.3 s\n")


@pytest.mark.parametrize(
    "output",
    [
        "image verdict score latency\na.jpg PASS 0.984 1 ms\n2 frames, 1 s\n",
        "image verdict score latency\na.jpg FAIL 0.884 1 ms\n2 frames, 1 s\n",
        "image verdict score latency\na.jpg FAIL 0.984 x 1 ms\n2 frames, 1 s\n",
        "image verdict score latency\n2 frames, 1 s\na.jpg FAIL 0.984 1 ms\n",
        "image verdict score\na.jpg FAIL 0.984 1 ms\n2 frames, 1 s\n",
        "image verdict score latency\na.jpg FAIL 0.984 1 ms\n3 frames, 1 s\n",
    ],
)
def test_output_must_be_as_shown(output: str) -> None:
    with pytest.raises(AssertionError, match="the page shows a line"):
        check_shown(SHOWN, output)


def test_checks_see_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_text("x")
    finished = Finished("command", 0, "one\ntwo\n", "", 0)

    says("^two$")(finished, tmp_path)
    writes("full")(finished, tmp_path)
    every_line("one|two")(finished, tmp_path)
    warns_of_nothing()(finished, tmp_path)
    with pytest.raises(AssertionError):
        warns_of_nothing()(Finished("command", 0, "", "a warning\n", 0), tmp_path)
    tells("^a warning$")(Finished("command", 0, "", "a warning\n", 0), tmp_path)
    for check in (says("^three"), tells("^two$"), writes("full", "empty"), writes("none"), every_line("one")):
        with pytest.raises(AssertionError):
            check(finished, tmp_path)
    with pytest.raises(AssertionError):
        every_line("")(Finished("command", 0, "", "", 0), tmp_path)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(has={"three": "true"}),
        Plan(instead=(Instead("three", "four", "why"),)),
        Plan(exits={"three": 1}),
        Plan(checks={"three": ()}),
        Plan(checks={"o": ()}),  # in both commands
        Plan(shows=("three",)),
        Plan(shows=("one", "two")),
        Plan(yaml=("file.yaml",)),
    ],
)
def test_a_plan_of_another_page_is_refused(plan: Plan) -> None:
    page = read_page("page.md", PAGE)
    check_plan(page, Plan(instead=(Instead("one", "1", "why"),), checks={"1": ()}, exits={"two": 1}, shows=("two",)))

    with pytest.raises(Lost):
        check_plan(page, plan)

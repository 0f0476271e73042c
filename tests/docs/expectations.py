"""What must come of a command: text that a page shows, sentences, files."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from terminal import Finished

# Looks at what a command did in the folder it ran in; an AssertionError says what is wrong.
Check = Callable[[Finished, Path], None]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TIMES = ("ms", "s", "frames/s")


def says(*patterns: str) -> Check:
    """Each is found in what the command prints to standard output."""

    def check(finished: Finished, folder: Path) -> None:
        for pattern in patterns:
            assert re.search(pattern, finished.output, re.MULTILINE), f"it does not say {pattern!r}"

    return check


def tells(*patterns: str) -> Check:
    """Each is found in what the command tells meanwhile, on standard error."""

    def check(finished: Finished, folder: Path) -> None:
        for pattern in patterns:
            assert re.search(pattern, finished.errors, re.MULTILINE), f"it does not tell {pattern!r}"

    return check


def warns_of_nothing() -> Check:
    """Standard error stays empty."""

    def check(finished: Finished, folder: Path) -> None:
        assert not finished.errors, "it warns"

    return check


def writes(*names: str) -> Check:
    """Each is a file that is not empty, from where the command ran."""

    def check(finished: Finished, folder: Path) -> None:
        for name in names:
            file = folder / name
            assert file.is_file(), f"it does not write {name}"
            assert file.stat().st_size > 0, f"it leaves {name} empty"

    return check


def helps(program: str, *patterns: str) -> Check:
    """Each is found in the help of the program, which stands below the folder."""

    def check(finished: Finished, folder: Path) -> None:
        command = [str(folder / "build" / "bin" / program.split()[0]), *program.split()[1:], "--help"]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        for pattern in patterns:
            assert re.search(pattern, text), f"{program} --help does not say {pattern!r}"

    return check


def every_line(pattern: str) -> Check:
    """All lines on standard output are like that; there is at least one."""

    def check(finished: Finished, folder: Path) -> None:
        lines = finished.output.splitlines()
        assert lines, "it prints nothing"
        wrong = [line for line in lines if not re.match(pattern, line)]
        assert not wrong, f"it prints {wrong[0]!r}"

    return check


def check_shown(shown: str, output: str) -> None:
    """Every line that the page shows is in the output, in that order. Between two of them the output may have more.

    Columns may have other widths. Times are not compared; other numbers may differ as much as processors round them.
    """
    rest = output.splitlines()
    for line in shown.splitlines():
        if not line.strip():
            continue
        found = next((i for i, printed in enumerate(rest) if _alike(line.split(), printed.split())), None)
        assert found is not None, f"the page shows a line that is not printed, or not there:\n{line}"
        rest = rest[found + 1 :]


def _alike(shown: list[str], printed: list[str]) -> bool:
    if len(shown) != len(printed):
        return False
    for i, (left, right) in enumerate(zip(shown, printed, strict=True)):
        if left == right:
            continue
        numbers = [_NUMBER.fullmatch(word) for word in (left, right)]
        if not all(numbers):
            return False
        unit = shown[i + 1].rstrip(",") if i + 1 < len(shown) else ""
        if unit not in _TIMES and not math.isclose(float(left), float(right), rel_tol=0.01, abs_tol=0.002):
            return False
    return True

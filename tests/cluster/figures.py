"""What the tests measured, for the report at their end."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

lines: list[str] = []


def note(text: str) -> None:
    test = os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0].rpartition("::")[2]
    lines.append(f"{test}: {text}")


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Notes how long it took, if it ended well."""
    begin = time.monotonic()
    yield
    note(f"{what}: {time.monotonic() - begin:.1f} s")

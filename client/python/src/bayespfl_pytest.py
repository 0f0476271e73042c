"""Fixtures for pytest; the package registers them by itself.

`bayespfl_server`: a real server, one for the whole session, found by BAYESPFL_SERVER_BINARY or on the PATH, with the
model that BAYESPFL_MODEL names. A test that asks for it is skipped, with a sentence, where one of them is missing.
`bayespfl_server_arguments`: overrides give the server further flags.
`bayespfl_inspector`: an Inspector of that server.

A module of its own beside the package: pytest imports it at every start, and the package only when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bayespfl import Inspector
    from bayespfl.testing import RunningServer


@pytest.fixture(scope="session")
def bayespfl_server_arguments() -> list[str]:
    """Further flags of the server; override it in your conftest.py."""
    return []


@pytest.fixture(scope="session")
def bayespfl_server(bayespfl_server_arguments: list[str]) -> Iterator[RunningServer]:
    """A server that is ready."""
    from bayespfl.testing import ServerNotFoundError, start_server

    running = start_server(bayespfl_server_arguments)
    try:
        server = running.__enter__()
    except ServerNotFoundError as error:
        pytest.skip(f"no real server for this test: {error}")
    try:
        yield server
    finally:
        running.__exit__(None, None, None)


@pytest.fixture
def bayespfl_inspector(bayespfl_server: RunningServer) -> Iterator[Inspector]:
    """An inspector of the session's server."""
    from bayespfl import Inspector

    with Inspector(bayespfl_server.target) as inspector:
        yield inspector

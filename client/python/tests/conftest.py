"""What all tests share. Tests against a real server use the package's own fixtures (`bayespfl_pytest`)."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer

import bayespfl
from bayespfl import AsyncInspector, Inspector, Outcome

pytest_plugins = ["pytester"]

# A run that hangs is ended by whoever waits for it; then it says in which line each thread is. By number: the standard
# error of a test is pytest's.
faulthandler.register(signal.SIGTERM, file=2, all_threads=True, chain=True)

ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / "assets/demo/images"

os.environ.setdefault("BAYESPFL_MODEL", str(ROOT / "assets/demo/model"))
if "BAYESPFL_SERVER_BINARY" not in os.environ and (ROOT / "build/bin/bayespfl-server").exists():
    os.environ["BAYESPFL_SERVER_BINARY"] = str(ROOT / "build/bin/bayespfl-server")


@pytest.fixture(scope="session")
def bayespfl_server_arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The tests' server has an administration port, and fewer bytes to a message than others."""
    return ["--admin-port", "0", "--max-image-bytes", str(4 << 20), "--model-root", str(ROOT / "assets/demo")]


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.stop()


class AsyncFacade:
    """An AsyncInspector behind the methods of an Inspector, so that one test checks both."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._inspector = AsyncInspector(*arguments, **options)

    @property
    def connection(self) -> Any:
        return self._inspector._connection

    def _run(self, awaitable: Any) -> Any:
        return self._runner.run(awaitable)

    def inspect(self, *arguments: Any, **options: Any) -> Any:
        return self._run(self._inspector.inspect(*arguments, **options))

    def stream(self, *arguments: Any, **options: Any) -> Iterator[Outcome]:
        outcomes = self._inspector.stream(*arguments, **options)

        async def step() -> Outcome | None:
            return await anext(outcomes, None)

        try:
            while (outcome := self._run(step())) is not None:
                yield outcome
        finally:
            self._run(outcomes.aclose())

    def models(self) -> Any:
        return self._run(self._inspector.models())

    def model(self, *arguments: Any) -> Any:
        return self._run(self._inspector.model(*arguments))

    def server_info(self) -> Any:
        return self._run(self._inspector.server_info())

    def health(self, *arguments: Any) -> Any:
        return self._run(self._inspector.health(*arguments))

    def close(self) -> None:
        self._run(self._inspector.close())
        self._runner.close()


class SyncFacade(Inspector):
    """An Inspector that shows its connection."""

    @property
    def connection(self) -> Any:
        return self._connection


MakeInspector = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def make_inspector(request: pytest.FixtureRequest) -> Iterator[MakeInspector]:
    """Makes inspectors of either kind; the test runs once with each."""
    made: list[Any] = []

    def make(target: str, **options: Any) -> Any:
        made.append((SyncFacade if request.param == "sync" else AsyncFacade)(target, **options))
        return made[-1]

    yield make
    for inspector in made:
        inspector.close()


@pytest.fixture
def scratch() -> Path:
    """A picture of leather with a scratch; the calibrated answer is FAIL."""
    return PICTURES / "leather/scratch_0.jpg"


@pytest.fixture
def good() -> Path:
    """A picture of good leather; PASS."""
    return PICTURES / "leather/good_0.jpg"


def pytest_report_header() -> str:
    import google.protobuf
    import grpc
    import numpy

    return (
        f"bayespfl-client {bayespfl.__version__}, grpcio {grpc.__version__}, protobuf {google.protobuf.__version__}, "
        f"numpy {numpy.__version__}"
    )

"""What the tests share. Everything they start is on the loopback, is ended by its process id, and has a time limit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from driver import NAMES, Driver, Drivers, find_drivers
from server_process import program


def pytest_configure(config: pytest.Config) -> None:
    # gRPC reads these; a proxy has no business on the loopback.
    for variable in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        os.environ.pop(variable, None)


@pytest.fixture(scope="session")
def drivers() -> Drivers:
    return find_drivers()


@pytest.fixture(scope="session")
def present(drivers: Drivers) -> list[Driver]:
    """All that are here; at least one."""
    if not drivers.present:
        pytest.skip("; ".join(f"{name}: {why}" for name, why in drivers.missing.items()))
    return list(drivers.present.values())


@pytest.fixture(params=NAMES)
def driver(request: pytest.FixtureRequest, drivers: Drivers) -> Driver:
    """Each of them; the test is skipped, with the reason, where one is missing."""
    if request.param not in drivers.present:
        pytest.skip(f"{request.param}: {drivers.missing[request.param]}")
    return drivers.present[request.param]


@pytest.fixture(scope="session")
def server_program() -> Path:
    if not program().is_file():
        pytest.fail(f"{program()} is not built (`make build`; BAYESPFL_SERVER_PROGRAM names another one)")
    return program()

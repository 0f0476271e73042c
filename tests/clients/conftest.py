"""What the tests share. Everything they start is on the loopback, is ended by its process id, and has a time limit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from driver import ALL_NAMES, NAMES, Driver, Drivers, find_drivers
from server_process import program


def pytest_configure(config: pytest.Config) -> None:
    # gRPC reads these; a proxy has no business on the loopback.
    for variable in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        os.environ.pop(variable, None)


@pytest.fixture(scope="session")
def drivers() -> Drivers:
    return find_drivers()


@pytest.fixture(scope="session")
def all_present(drivers: Drivers) -> list[Driver]:
    """All that are here; at least one."""
    if not drivers.present:
        pytest.skip("; ".join(f"{name}: {why}" for name, why in drivers.missing.items()))
    return list(drivers.present.values())


@pytest.fixture(scope="session")
def present(all_present: list[Driver]) -> list[Driver]:
    """One for each client that is here."""
    return [driver for driver in all_present if driver.name in NAMES]


def _driver(name: str, drivers: Drivers) -> Driver:
    """The test is skipped, with the reason, where it is missing."""
    if name not in drivers.present:
        pytest.skip(f"{name}: {drivers.missing[name]}")
    return drivers.present[name]


@pytest.fixture(params=NAMES)
def driver(request: pytest.FixtureRequest, drivers: Drivers) -> Driver:
    """Each client's."""
    return _driver(request.param, drivers)


@pytest.fixture(params=ALL_NAMES)
def each_driver(request: pytest.FixtureRequest, drivers: Drivers) -> Driver:
    """Each client's, and the asynchronous one."""
    return _driver(request.param, drivers)


@pytest.fixture(scope="session")
def server_program() -> Path:
    if not program().is_file():
        pytest.fail(f"{program()} is not built (`make build`; BAYESPFL_SERVER_PROGRAM names another one)")
    return program()

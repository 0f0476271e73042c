"""The clients' drivers: where they are, and how a job runs through one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outcomes import Error, Outcome, OutputError, parse

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ("python", "go", "cpp")
# And the Python client's asynchronous half, which shares what decides with the other, and is driven through less.
ALL_NAMES = (*NAMES, "asyncio")
Job = dict[str, Any]


class HangError(AssertionError):
    """The driver was not done within the hard limit."""


@dataclass(frozen=True)
class Run:
    """One job's course."""

    driver: str
    outcomes: list[Outcome]
    end: Error | None
    ended: float  # by time.monotonic()
    stderr: str = field(repr=False, default="")


@dataclass(frozen=True)
class Driver:
    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()

    def run(self, job: Job, limit_s: float) -> Run:
        """Runs the job to its end. Raises HangError after `limit_s`, OutputError when the output is not the protocol's."""
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"GRPC_VERBOSITY": "NONE"} | dict(self.environment),
        )
        try:
            out, err = process.communicate(json.dumps(job).encode(), timeout=limit_s)
        except subprocess.TimeoutExpired as expired:
            process.kill()
            out, err = process.communicate()
            lines = out.splitlines()
            raise HangError(
                f"{self.name}: not done after {limit_s} s; it had printed {len(lines)} lines, the last "
                f"{lines[-1:]!r}; stderr ends with {err[-2000:]!r}"
            ) from expired
        ended = time.monotonic()
        stderr = err.decode(errors="replace")
        if process.returncode != 0:
            raise OutputError(f"{self.name}: exit code {process.returncode}; stderr ends with\n{stderr[-4000:]}")
        try:
            outcomes, end = parse(out.decode())
        except (OutputError, UnicodeDecodeError) as error:
            raise OutputError(f"{self.name}: {error}; stderr ends with\n{stderr[-2000:]}") from error
        return Run(self.name, outcomes, end, ended, stderr)


@dataclass(frozen=True)
class Drivers:
    """Those that are here, and why the others are not."""

    present: dict[str, Driver]
    missing: dict[str, str]


def _program(variable: str, default: Path | None, how: str) -> tuple[Driver | None, str]:
    named = os.environ.get(variable)
    path = Path(named) if named else default
    name = variable.split("_")[1].lower()
    if path is None:
        return None, f"{variable} does not say where the driver is ({how})"
    if not os.access(path, os.X_OK) or path.is_dir():
        return None, f"{path} is no program ({how}; {variable} names another one)"
    return Driver(name, (str(path.resolve()),)), ""


def _python(name: str, *arguments: str) -> tuple[Driver | None, str]:
    script = Path(os.environ.get("BAYESPFL_PYTHON_DRIVER", Path(__file__).parent / "drivers" / "python_driver.py"))
    if not script.is_file():
        return None, f"{script} is not there"
    source = os.environ.get("BAYESPFL_PYTHON_SOURCE", str(REPOSITORY / "client" / "python" / "src"))
    interpreter = os.environ.get("BAYESPFL_PYTHON", sys.executable)
    return Driver(name, (interpreter, str(script), *arguments), (("PYTHONPATH", source),)), ""


def find_drivers() -> Drivers:
    """Fails when BAYESPFL_REQUIRE_CLIENTS ("python,go,cpp") names one that is missing, or that nobody knows."""
    found = {
        "python": _python("python"),
        "asyncio": _python("asyncio", "--asyncio"),
        "go": _program("BAYESPFL_GO_DRIVER", None, "scripts/test_clients.sh builds it"),
        "cpp": _program("BAYESPFL_CPP_DRIVER", REPOSITORY / "build/tests/client_driver", "target client_driver"),
    }
    required = [name for name in os.environ.get("BAYESPFL_REQUIRE_CLIENTS", "").replace(",", " ").split() if name]
    unknown = sorted(set(required) - set(NAMES))
    if unknown:
        raise LookupError(f"BAYESPFL_REQUIRE_CLIENTS names {unknown}; the clients are {', '.join(NAMES)}")
    lacking = [f"{name}: {found[name][1]}" for name in required if found[name][0] is None]
    if lacking:
        raise LookupError("BAYESPFL_REQUIRE_CLIENTS wants what is not there: " + "; ".join(lacking))
    return Drivers(
        present={name: driver for name, (driver, _) in found.items() if driver is not None},
        missing={name: why for name, (driver, why) in found.items() if driver is None},
    )


def run_all(tasks: Sequence[tuple[Driver, Job]], limit_s: float) -> list[Run | AssertionError]:
    """Runs them all at once; a failure stands in its task's place, so that one does not hide the others."""

    def attempt(task: tuple[Driver, Job]) -> Run | AssertionError:
        try:
            return task[0].run(task[1], limit_s)
        except AssertionError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(1, len(tasks))) as pool:
        return list(pool.map(attempt, tasks))


def checked(run: Run | AssertionError) -> Run:
    """The run, or its failure raised: anew each time, because a trace grows with every test that raises it."""
    if isinstance(run, AssertionError):
        raise type(run)(str(run))
    return run

"""What the tests share: one node, and one release on it that every test brings into the state that it needs."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator

import figures
import node as cluster
import pytest
from plant import NAMESPACE, RELEASE, Plant

STATE = {
    "pods": ("get", "pods", "--all-namespaces", "-o", "wide"),
    "events": ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
    "logs": ("-n", NAMESPACE, "logs", "-l", f"app.kubernetes.io/instance={RELEASE}", "--prefix"),
}


@pytest.fixture(scope="session")
def node() -> Iterator[cluster.Node]:
    # A run that is ended from outside takes the node with it.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", returncode=143))
    with cluster.node() as started:
        yield started


@pytest.fixture(scope="session")
def plant(node: cluster.Node, tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(node, tmp_path_factory.mktemp("plant"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test that failed: what the cluster looked like."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    started = fixtures["node"] if "node" in fixtures else fixtures["plant"].node if "plant" in fixtures else None
    if report.when == "call" and report.failed and started is not None:
        for title, command in STATE.items():
            report.sections.append((title, started.kubectl(*command, check=False)[-6000:]))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if figures.lines:
        terminalreporter.section("figures")
    for line in figures.lines:
        terminalreporter.write_line(line)

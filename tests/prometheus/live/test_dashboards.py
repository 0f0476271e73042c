"""deploy/grafana: every query of every panel, variable and annotation gets data from a Prometheus that watches a server at work.
And the queries of the runbooks are ones that it answers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboards import FILES, asked, needs_yesterday, panels, read
from monitoring import (
    PICTURES,
    ROOT,
    RULES,
    Prometheus,
    Server,
    calibrated_model,
    faster,
    made_up_device,
    wait_for,
)

TOKEN = "a" * 32
RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
UNITS = {"bytes", "cps", "percentunit", "s", "short"}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("monitoring")
    tokens = folder / "tokens.yaml"
    # The digest of TOKEN, as docs/security.md says that the file has it.
    tokens.write_text(json.dumps([{"name": "line-3", "role": "inspect", "sha256": _digest(TOKEN)}]))
    tokens.chmod(0o400)
    model = calibrated_model(folder)
    server = Server(
        folder / "server",
        model=str(model),
        device="cpu",
        tokens_file=str(tokens),
        result_log=str(folder / "results.jsonl"),
        environment=made_up_device(folder / "device"),
    )
    over = threading.Event()

    def inspect() -> None:
        while not over.is_set():
            for category in ("leather", "wood"):
                load = ("--stream", "--in-flight", "8", "--category", category)
                done = server.client("inspect", *load, PICTURES / category, token=TOKEN)
                assert done.returncode == 0, done.stderr
            server.client("inspect", "--category", "leather", PICTURES / "leather/good_0.jpg", token="wrong")

    with server, Prometheus(folder / "prometheus", [server.target], faster(RULES.read_text(), 60)) as prometheus:
        load = threading.Thread(target=inspect)
        load.start()
        yield prometheus
        over.set()
        load.join()


def _digest(token: str) -> str:
    import hashlib

    return hashlib.sha256(token.encode()).hexdigest()


def queries() -> list[Any]:
    return [
        pytest.param(path.stem, panel["title"], target["expr"], id=f"{path.stem}-{panel['title']}-{target['refId']}")
        for path in FILES
        for panel in panels(read(path))
        for target in panel["targets"]
    ]


@pytest.mark.parametrize(("dashboard", "panel", "expression"), queries())
def test_a_panel_has_data(prometheus: Prometheus, dashboard: str, panel: str, expression: str) -> None:
    query = asked(expression)
    assert "$" not in query, "a variable that Grafana would not fill in"
    if needs_yesterday(expression):
        prometheus.query(query)  # must be an expression all the same; test_alerts.py has seen a day go by
        return

    def numbers() -> list[str]:
        values = [sample["value"][1] for sample in prometheus.query(query)]
        return [value for value in values if value not in ("NaN", "+Inf", "-Inf")]

    wait_for(f"{dashboard}, {panel}: {query}", numbers, 60)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_variables_and_annotations_have_data(prometheus: Prometheus, path: Path) -> None:
    dashboard = read(path)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", asked(variable["definition"])).groups()  # type: ignore[union-attr]
            wait_for(variable["name"], lambda s=selector, name=label: prometheus.label_values(s, name), 60)  # type: ignore[misc]
    for annotation in dashboard["annotations"]["list"]:
        prometheus.query(asked(annotation["expr"]))


def runbook_queries() -> list[Any]:
    """What stands there as code, has a function and names a metric of ours."""
    return [
        pytest.param(" ".join(code.split()), id=f"{page.stem}-{number}")
        for page in RUNBOOKS
        for number, code in enumerate(re.findall(r"`([^`]+)`", page.read_text()))
        if re.search(r"\w\(.*\b(bayespfl|process)_", code, re.DOTALL)
    ]


@pytest.mark.parametrize("query", runbook_queries())
def test_a_query_of_a_runbook_is_answered(prometheus: Prometheus, query: str) -> None:
    # A pair of series that do not fit is an error only where there are series.
    wait_for("frames are counted", lambda: prometheus.query("rate(bayespfl_frames_total[5m]) > 0"), 60)

    prometheus.query(query.replace("NAME", "leather"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboard_is_one_that_grafana_takes(path: Path) -> None:
    dashboard = read(path)
    ids = [panel["id"] for panel in dashboard["panels"]]
    taken: set[tuple[int, int]] = set()

    assert dashboard["uid"] == f"bayespfl-{path.stem}"
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
    for panel in panels(dashboard):
        assert panel["title"] and panel["description"], panel["id"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])

"""deploy/grafana against Grafana's own schema: every field is one that it knows, and of its type. And the panels that
docs/monitoring.svg shows are some of them.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("go"):
        pytest.skip("Grafana's schema is a Go module, and there is no Go on PATH")
    program = tmp_path_factory.mktemp("check") / "grafana"
    subprocess.run(["go", "-C", ROOT / "tests/prometheus/grafana", "build", "-p", "1", "-o", program, "."], check=True)
    return program


def complaints(check: Path, dashboard: Path) -> str:
    done = subprocess.run([check, dashboard], check=False, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    assert (done.returncode == 1) == bool(done.stdout), done.stdout
    return done.stdout


def test_there_are_dashboards() -> None:
    assert [path.stem for path in DASHBOARDS] == ["fleet", "line", "server"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_grafana_knows_every_field(check: Path, path: Path) -> None:
    assert complaints(check, path) == ""


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('"schemaVersion": 39', '"schemaVersion": "39"', "schemaVersion"),
        ('"title": "Alerts"', '"titel": "Alerts"', "unexpected field 'titel'"),
        ('"type": "stat"', '"type": "stats"', 'panels of the type "stats"'),
        ('"justifyMode": "auto"', '"justify": "auto"', "unexpected field 'justify'"),
        ('"unit": "cps"', '"units": "cps"', "unexpected field 'units'"),
        ('"fillOpacity": 20', '"fillOpacity": "20"', "fillOpacity"),
        ('"expr": ', '"expression": ', "unexpected field 'expression'"),
        ('"type": "prometheus"', '"type": "loki"', "queries of the type"),
    ],
)
def test_the_check_sees_what_grafana_would_not_know(
    check: Path, tmp_path: Path, was: str, becomes: str, complaint: str
) -> None:
    fleet = (ROOT / "deploy/grafana/fleet.json").read_text()
    assert was in fleet
    dashboard = tmp_path / "dashboard.json"
    dashboard.write_text(fleet.replace(was, becomes))
    assert complaint in complaints(check, dashboard)


def drawn() -> list[tuple[str, str]]:
    """Dashboard and title of each panel that draw.py draws; it is read, not run: that would take matplotlib."""
    lines = ast.parse((ROOT / "tests/prometheus/live/draw.py").read_text()).body
    values = [line.value for line in lines if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "SHOWN"]
    assert len(values) == 1
    shown: tuple[tuple[str, str], ...] = ast.literal_eval(values[0])
    return list(shown)


@pytest.mark.parametrize(("dashboard", "title"), drawn())
def test_what_is_drawn_is_a_panel_and_is_in_the_picture(dashboard: str, title: str) -> None:
    panels = json.loads((ROOT / f"deploy/grafana/{dashboard}.json").read_text())["panels"]

    assert [panel["title"] for panel in panels].count(title) == 1
    assert f">{title}</text>" in (ROOT / "docs/monitoring.svg").read_text()

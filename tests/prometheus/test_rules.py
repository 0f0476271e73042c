"""deploy/prometheus/rules.yaml: Prometheus takes it, its cases hold, and whoever is woken by it finds a page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
CASES = sorted(Path(__file__).parent.glob("rules*_test.yaml"))
RUNBOOKS = ROOT / "docs/runbooks"
METRIC_TABLES = [ROOT / "docs/operations.md"]
SECTIONS = ["## Meaning", "## Impact", "## How to look", "## What to do"]
# Of Prometheus itself, of Kubernetes' own exporters, and histograms' parts.
FOREIGN = {"up", "container_cpu_cfs_throttled_periods_total"}
PARTS = re.compile(r"_(bucket|sum|count)$")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def promtool(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = Path(os.environ["PROMETHEUS_FOLDER"], "promtool")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=300, cwd=folder)


def test_prometheus_takes_the_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_bucket_is_named_as_one_version_of_prometheus_writes_it() -> None:
    """Prometheus 3 stores the bound 1 as "1.0": a rule for "1" has no data there, and never fires."""
    files = [RULES, *(ROOT / "deploy/grafana").glob("*.json"), *RUNBOOKS.glob("*.md")]

    assert [path.name for path in files if re.search(r'\ble=\\?"[0-9]+(\.0+)?\\?"', path.read_text())] == []


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(cases: Path, tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    shutil.copy(cases, tmp_path)

    done = promtool("test", "rules", cases.name, folder=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    fired = set()
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for test in case["promql_expr_test"]:
                named = re.search(r'alertname="(\w+)"', test["expr"])
                assert named and case["name"].startswith(named[1]), case["name"]
                if test["exp_samples"]:
                    fired.add(named[1])

    assert fired == set(alerts())


def test_every_alert_says_what_it_is_and_where_to_read_on() -> None:
    pages = set()
    for name, alert in alerts().items():
        assert alert["labels"] in ({"severity": "page"}, {"severity": "ticket"}), name
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}, name
        assert "{{ $labels." in alert["annotations"]["summary"], f"{name} does not say of whom"
        pages.add(ROOT / alert["annotations"]["runbook"])

    assert pages == set(RUNBOOKS.glob("*.md")), "an alert without a runbook, or a runbook without an alert"


def test_the_list_of_alerts_is_theirs() -> None:
    """docs/monitoring.md names each alert with its page and its severity, in the rules' order."""
    listed = re.findall(r"^\| \[(\w+)\]\((\S+)\) \| (\w+) \|", (ROOT / "docs/monitoring.md").read_text(), re.MULTILINE)

    assert listed == [
        (name, alert["annotations"]["runbook"].removeprefix("docs/"), alert["labels"]["severity"])
        for name, alert in alerts().items()
    ]


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_has_what_one_needs_at_night(page: Path) -> None:
    text = page.read_text()
    severities = {
        alert["labels"]["severity"]
        for alert in alerts().values()
        if alert["annotations"]["runbook"].endswith(page.name)
    }

    assert [line for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    assert text.startswith(f"# {page.stem}\n\nSeverity: {' or '.join(sorted(severities))}.\n")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / target).is_file(), f"{page.name} leads to {target}"


def named_metrics(text: str) -> set[str]:
    names = re.findall(r"\b(?:bayespfl|process|container)_[a-z_]+\b|\bup\b(?= ==)", text)
    return {PARTS.sub("", name) for name in names} - FOREIGN


def test_only_metrics_that_there_are_are_named() -> None:
    documented = named_metrics("\n".join(path.read_text() for path in METRIC_TABLES))
    named = named_metrics("\n".join(str(rule["expr"]) for rule in rules()))
    for page in RUNBOOKS.glob("*.md"):
        named |= named_metrics(page.read_text())

    assert named - documented == set()


def test_the_chart_brings_the_same_rules_and_dashboards() -> None:
    files = ROOT / "helm/bayespfl-inspector/files"
    dashboards = {path.name: path.read_text() for path in (ROOT / "deploy/grafana").glob("*.json")}

    assert (files / "rules.yaml").read_text() == RULES.read_text()
    assert {path.name: path.read_text() for path in (files / "dashboards").iterdir()} == dashboards

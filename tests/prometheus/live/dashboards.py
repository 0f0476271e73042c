"""deploy/grafana, and what Grafana would ask of Prometheus for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from monitoring import DASHBOARDS

FILES = sorted(DASHBOARDS.glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text())
    return dashboard


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked(expression: str, rate_interval: str = "20s") -> str:
    """As Grafana asks it, with its variables filled in."""
    for name, value in {
        "$__rate_interval": rate_interval,
        "$job": ".*",
        "$category": "leather",
        "$client": "line-3",
    }.items():
        expression = expression.replace(name, value)
    return re.sub(r'instance="\$instance"', 'instance=~".+"', expression)


def needs_yesterday(expression: str) -> bool:
    """Only who has watched for a day has data for it."""
    return " offset " in expression

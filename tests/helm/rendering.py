"""The chart as Helm renders it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml
from values_document import CHART

KUBERNETES = "1.36.0"
RELEASE = "plant"
NAMESPACE = "inspection"


class Refused(Exception):
    """Helm does not render it; the text is what it says."""


def helm(version: str) -> Path | None:
    """The program of Helm 3 or 4, as scripts/chart.sh found it."""
    path = os.environ.get(f"BAYESPFL_HELM_{version}", "")
    return Path(path) if path else None


def value_sets() -> list[Path]:
    return sorted((CHART / "ci").glob("*-values.yaml"))


def golden_of(value_set: Path) -> Path:
    return value_set.with_name(value_set.name.replace("-values.yaml", ".golden.yaml"))


def run(program: Path | None, *arguments: str | Path) -> str:
    assert program is not None, "Helm is missing; scripts/chart.sh says where it comes from"
    # Of its own, so that nobody's plugins or repositories have a say.
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": "/dev/null"}
        done = subprocess.run(
            [program, *arguments], check=False, capture_output=True, text=True, env=environment, timeout=60
        )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def render(program: Path | None, *arguments: str | Path, kubernetes: str = KUBERNETES) -> str:
    where = ("--namespace", NAMESPACE, "--kube-version", kubernetes)
    return run(program, "template", RELEASE, CHART, *where, *arguments)


def golden_text(program: Path | None, value_set: Path) -> str:
    """What the value set renders to, without pictures, dashboards and Helm's marks of where a text comes from."""
    text = render(program, "--values", value_set)
    text = re.sub(r"^(  \w+\.jpg): \S{100,}$", r"\1: (picture)", text, flags=re.MULTILINE)
    text = re.sub(r"^(  [\w-]+\.json): \|\n(    .*\n)+", r"\1: (dashboard)\n", text, flags=re.MULTILINE)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    # Helm 4 ends some objects with an empty line, Helm 3 does not.
    return re.sub(r"\n+(\n---\n|\n$)", r"\1", text)


def objects(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(text: str, kind: str) -> list[dict[str, Any]]:
    return [each for each in objects(text) if each["kind"] == kind]

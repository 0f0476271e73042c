"""The API server of a real cluster takes what the chart renders to, to the last field."""

from __future__ import annotations

from pathlib import Path

import pytest
from node import Node
from plant import CHART

SETS = sorted((CHART / "ci").glob("*-values.yaml"))
APPLY = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-")


@pytest.fixture(scope="module")
def namespace(node: Node) -> str:
    name = "objects"
    node.kubectl("create", "namespace", name)
    # A pod is only taken when its account is there, and nothing of a trial is.
    for account in ("plant-bayespfl-inspector", "inspector"):
        node.kubectl("-n", name, "create", "serviceaccount", account)
    node.kubectl("label", "namespace", name, "pod-security.kubernetes.io/warn=restricted")
    return name


@pytest.mark.parametrize("value_set", SETS, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_is_taken_without_a_warning(node: Node, namespace: str, value_set: Path) -> None:
    text = node.helm(
        "template", "plant", CHART, "--namespace", namespace, "--kube-version", "1.36.0", "--values", value_set
    )
    said = node.run_both("kubectl", *APPLY, stdin=text)
    assert "deployment.apps/" in said
    assert "Warning" not in said


def test_a_field_that_is_not_known_is_not_taken(node: Node, namespace: str) -> None:
    text = node.helm("template", "plant", CHART, "--namespace", namespace, "--show-only", "templates/service.yaml")
    said = node.kubectl(*APPLY, stdin=text.replace("  type: ClusterIP", "  typo: ClusterIP"), check=False)
    assert "typo" in said


def test_an_unrestricted_pod_is_warned_of(node: Node, namespace: str) -> None:
    text = node.helm(
        "template",
        "plant",
        CHART,
        "--namespace",
        namespace,
        "--set",
        "securityContext.privileged=true",
        "--set",
        "securityContext.allowPrivilegeEscalation=true",
    )
    assert "would violate PodSecurity" in node.run_both("kubectl", *APPLY, stdin=text)

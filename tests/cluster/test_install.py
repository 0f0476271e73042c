"""From nothing to a verdict, with TLS, tokens and Pod Security."""

from __future__ import annotations

import pytest
from node import Failed
from plant import NAME, RELEASE, Plant, Token, is_ready


def test_is_ready_when_helm_says_so(plant: Plant) -> None:
    plant.helm("upgrade", "--install")
    assert [is_ready(pod) for pod in plant.pods()] == [True, True]


def test_nothing_is_done_as_root_and_nothing_written(plant: Plant) -> None:
    plant.become()
    inside = ("-n", plant.namespace, "exec", f"deployment/{NAME}", "--")
    assert plant.node.kubectl(*inside, "id", "-u").strip() == "65532"
    assert "Read-only file system" in plant.node.kubectl(*inside, "touch", "/opt/bayespfl/x", check=False)
    assert "CapEff:\t0000000000000000" in plant.node.kubectl(*inside, "cat", "/proc/1/status")
    # Seccomp's filter is on.
    assert "Seccomp:\t2" in plant.node.kubectl(*inside, "cat", "/proc/1/status")
    assert "No such file" in plant.node.kubectl(*inside, "ls", "/var/run/secrets/kubernetes.io", check=False)


def test_helm_test_gets_the_verdicts(plant: Plant) -> None:
    plant.become()
    said = plant.node.helm("test", RELEASE, "--namespace", plant.namespace, "--logs", "--timeout", "120s")
    assert "PASS" in said
    assert "FAIL" in said


def test_helm_test_notices_a_token_that_is_not_known(plant: Plant) -> None:
    plant.write_secret("wrong-token", {"token": Token("nobody").secret})
    plant.become("test.tokenSecretName=wrong-token")
    with pytest.raises(Failed):
        plant.node.helm("test", RELEASE, "--namespace", plant.namespace, "--timeout", "120s")


def test_a_pod_that_breaks_the_rules_is_not_let_in(plant: Plant) -> None:
    """Or the namespace would enforce nothing, and the tests above would prove nothing."""
    said = plant.node.kubectl(
        "-n", plant.namespace, "run", "rude", "--image=docker.io/local/pause:1", "--privileged", check=False
    )
    assert "violates PodSecurity" in said


def test_the_strategy_follows_the_number_of_pods(plant: Plant) -> None:
    """The strategy changes with the number; what the other one had must not stay behind."""
    plant.become("replicas=1")
    assert plant.node.get("deployment", NAME, namespace=plant.namespace)["spec"]["strategy"] == {"type": "Recreate"}
    plant.become()
    strategy = plant.node.get("deployment", NAME, namespace=plant.namespace)["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}

"""From nothing to a verdict, with TLS, tokens and Pod Security."""

from __future__ import annotations

import os

import pytest
from figures import timed
from plant import CHART, NAME, RELEASE, Plant, Token, is_ready


def test_installs(plant: Plant) -> None:
    plant.node.helm("uninstall", RELEASE, "--namespace", plant.namespace, "--ignore-not-found", "--wait")
    with timed("helm install --wait, the embedded model, TLS, tokens"):
        plant.helm("install")
    with timed("after it until both pods were ready"):
        plant.roll_out()
    assert [is_ready(pod) for pod in plant.pods()] == [True, True]
    assert plant.restarts() == 0


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
    passed, failed = plant.verdicts()
    with timed("helm test, two pictures"):
        assert plant.test()
    assert plant.verdicts() == (passed + 1, failed + 1)


def test_helm_test_notices_a_token_that_is_not_known(plant: Plant) -> None:
    plant.write_secret("wrong-token", {"token": Token("nobody").secret})
    plant.become("test.tokenSecretName=wrong-token")
    assert not plant.test()
    assert "UNAUTHENTICATED" in plant.test_log()


def test_grpc_probes_where_there_is_no_tls(plant: Plant) -> None:
    plant.become("tls.secretName=", "tokens.secretName=", "test.tokenSecretName=", "probes.grpc=true")
    container = plant.pods()[0]["spec"]["containers"][0]
    assert container["readinessProbe"]["grpc"]["port"] == container["startupProbe"]["grpc"]["port"] == 50051
    assert plant.test()
    assert plant.restarts() == 0


def test_helm_4_installs_upgrades_tests_and_takes_away(plant: Plant) -> None:
    """It applies on the server, where what is there twice is an error."""
    program = os.environ.get("BAYESPFL_HELM_4")
    if not program:
        pytest.skip("Helm 4 is not there; scripts/helm.sh setup 4 builds it")
    plant.node.helm("uninstall", RELEASE, "--namespace", plant.namespace, "--ignore-not-found", "--wait")
    values = ("resources.requests.cpu=50m", "resources.requests.memory=256Mi", "config.compute_threads=1")
    sets = [part for each in values for part in ("--set", each)]
    where = ("--namespace", plant.namespace, "--timeout", "300s")

    def helm(*arguments: str) -> str:
        return plant.node.run(program, *arguments, *where)

    assert "STATUS: deployed" in helm("install", "four", str(CHART), "--wait", *sets)
    helm("upgrade", "four", str(CHART), "--wait", *sets, "--set", "config.log_format=text")
    assert "Phase:          Succeeded" in helm("test", "four")
    configuration = plant.node.get("configmap", "four-bayespfl-inspector", namespace=plant.namespace)["data"]
    assert "log_format: text" in "".join(configuration.values())
    helm("uninstall", "four", "--wait")
    assert plant.node.get("deployments", namespace=plant.namespace)["items"] == []


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

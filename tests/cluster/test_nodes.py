"""Nodes that are emptied, and containers that hang or take too much memory."""

from __future__ import annotations

import json
import signal

from figures import note, timed
from node import NODE, Object, wait_for
from plant import RELEASE, Plant, is_ready, names

DRAIN = ("drain", NODE, "--ignore-daemonsets", "--delete-emptydir-data")
SELECTED = f"--pod-selector=app.kubernetes.io/instance={RELEASE}"


def test_a_drain_leaves_one_pod_until_another_is_ready(plant: Plant) -> None:
    plant.become()
    with plant.cameras(), plant.watching() as ready:
        try:
            # The only node: the first pod's successor has nowhere to go.
            said = plant.node.kubectl(*DRAIN, SELECTED, "--timeout=20s", check=False)
            assert "violate the pod's disruption budget" in said
        finally:
            plant.node.kubectl("uncordon", NODE)
        wait_for("two pods again", lambda: len(plant.ready_pods()) == 2, 120)
    assert min(ready) == 1
    note(f"{said.count('disruption budget')} evictions refused in 20 s; ready pods: {' '.join(map(str, ready))}")


def evict(plant: Plant, pod: str) -> str:
    """What the API server says to it."""
    metadata = {"name": pod, "namespace": plant.namespace}
    body = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
    path = f"/api/v1/namespaces/{plant.namespace}/pods/{pod}/eviction"
    return plant.node.kubectl("create", "--raw", path, "-f", "-", stdin=body, check=False)


def test_a_pod_that_is_not_ready_does_not_hold_a_drain_up(plant: Plant) -> None:
    plant.become()
    try:
        # No pod may go, and fewer are ready than there should be: the default policy would keep the broken one too.
        broken_model = ("model.path=/opt/bayespfl/none", "podDisruptionBudget.maxUnavailable=0")
        plant.helm("upgrade", settings=broken_model, seconds=10, check=False)

        def cannot_start() -> list[Object]:
            return [
                pod
                for pod in plant.pods()
                if not is_ready(pod)
                and "deletionTimestamp" not in pod["metadata"]
                and any(each["restartCount"] for each in pod["status"].get("containerStatuses", []))
            ]

        broken = wait_for("a pod that cannot start", cannot_start, 90)[0]["metadata"]["name"]
        healthy = names(plant.ready_pods())
        assert len(healthy) == 1
        assert "disruption budget" in evict(plant, next(iter(healthy)))
        assert "Success" in evict(plant, broken)
        assert names(plant.ready_pods()) == healthy
    finally:
        plant.become()


def test_a_server_that_hangs_is_restarted(plant: Plant) -> None:
    plant.become("probes.liveness.periodSeconds=3", "probes.liveness.timeoutSeconds=2", "drain.timeoutSeconds=5")
    pod = plant.ready_pods()[0]
    before = plant.restarts()
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    with plant.cameras():
        plant.node.signal(container, signal.SIGSTOP)
        with timed("from SIGSTOP to the restart"):
            wait_for("a restart", lambda: plant.restarts() == before + 1, 120)
        wait_for("both pods", lambda: len(plant.ready_pods()) == 2, 120)


def test_too_little_memory_says_so(plant: Plant) -> None:
    plant.become("replicas=1")
    try:
        tight = ("replicas=1", "resources.requests.memory=64Mi", "resources.limits.memory=64Mi")
        plant.helm("upgrade", settings=tight, seconds=10, check=False)

        def reasons() -> set[str]:
            statuses = [each for pod in plant.pods() for each in pod["status"].get("containerStatuses", [])]
            ended = [each.get(when, {}).get("terminated", {}) for each in statuses for when in ("state", "lastState")]
            return {each["reason"] for each in ended if each}

        wait_for("OOMKilled", lambda: "OOMKilled" in reasons(), 90)
    finally:
        plant.become()

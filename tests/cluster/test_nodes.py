"""Nodes that are emptied, and containers that hang or take too much memory."""

from __future__ import annotations

import signal

from node import NODE, wait_for
from plant import RELEASE, Plant, names

DRAIN = ("drain", NODE, "--ignore-daemonsets", "--delete-emptydir-data")
SELECTED = f"--pod-selector=app.kubernetes.io/instance={RELEASE}"


def test_a_drain_leaves_one_pod_until_another_is_ready(plant: Plant) -> None:
    plant.become()
    with plant.cameras():
        # The only node: the first pod's successor has nowhere to go.
        said = plant.node.kubectl(*DRAIN, SELECTED, "--timeout=20s", check=False)
        assert "violate the pod's disruption budget" in said
        assert len(plant.ready_pods()) == 1
        plant.node.kubectl("uncordon", NODE)
        wait_for("two pods again", lambda: len(plant.ready_pods()) == 2, 120)


def test_a_pod_that_is_not_ready_does_not_hold_a_drain_up(plant: Plant) -> None:
    plant.become()
    try:
        plant.helm("upgrade", settings=("model.path=/opt/bayespfl/none",), seconds=10, check=False)
        wait_for("a pod that cannot start", lambda: plant.restarts() > 0, 60)
        healthy = names(plant.ready_pods())
        assert len(healthy) == 1
        # The budget is used up by the broken pod, and that is the one that may go.
        broken = next(iter(names(plant.pods()) - healthy))
        body = f'{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {{"name": "{broken}", "namespace": "{plant.namespace}"}}}}'
        path = f"/api/v1/namespaces/{plant.namespace}/pods/{broken}/eviction"
        assert "Success" in plant.node.kubectl("create", "--raw", path, "-f", "-", stdin=body)
        assert names(plant.ready_pods()) == healthy
    finally:
        plant.become()


def test_a_server_that_hangs_is_restarted(plant: Plant) -> None:
    plant.become("probes.liveness.periodSeconds=3", "probes.liveness.timeoutSeconds=2", "drain.timeoutSeconds=5")
    pod = plant.ready_pods()[0]
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    with plant.cameras():
        plant.node.signal(container, signal.SIGSTOP)
        wait_for("a restart", lambda: plant.restarts() == 1, 120)
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

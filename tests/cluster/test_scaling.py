"""More pods and fewer, under load."""

from __future__ import annotations

import json

from figures import note, timed
from node import NODE_ADDRESS, Node, wait_for
from plant import NAME, Plant


def frames(plant: Plant) -> dict[str, float]:
    """Answered, by pod."""
    ready = [pod["metadata"]["name"] for pod in plant.ready_pods()]
    return {name: plant.metric(name, 'bayespfl_frames_total{outcome="ok"}') for name in ready}


def scale(plant: Plant, replicas: int) -> None:
    plant.node.kubectl("-n", plant.namespace, "scale", f"deployment/{NAME}", f"--replicas={replicas}")
    wait_for(f"{replicas} pods", lambda: len(plant.ready_pods()) == replicas, 180)


def test_streams_spread_over_pods_that_come_and_leave_those_that_go(plant: Plant) -> None:
    # With a strategy for several, as autoscaling has it.
    plant.become(
        "replicas=1",
        "strategy.type=RollingUpdate",
        "config.max_stream_age_seconds=5",
        "config.max_connection_age_seconds=8",
    )
    with plant.cameras(4, interval=1):
        with timed("1 to 3 pods"):
            scale(plant, 3)
        start = frames(plant)

        def all_work() -> bool:
            now = frames(plant)
            return len(now) == 3 and all(now[name] > start.get(name, 0) + 3 for name in now)

        with timed("until four streams reached all three"):
            wait_for("frames on all three pods", all_work, 120)
        note(f"frames by pod: {sorted(int(n - start.get(name, 0)) for name, n in frames(plant).items())}")
        with timed("3 to 1 pods"):
            scale(plant, 1)
            plant.settle()


def install_metrics_server(node: Node) -> None:
    node.spawn(
        "metrics-server",
        f"--kubeconfig={node.kubeconfig}",
        f"--authentication-kubeconfig={node.kubeconfig}",
        f"--authorization-kubeconfig={node.kubeconfig}",
        f"--cert-dir={node.folder}/pki/metrics",
        "--secure-port=4443",
        f"--bind-address={NODE_ADDRESS}",
        "--kubelet-insecure-tls",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",  # less than the resolution, or it does not start
    )
    service = {"name": "metrics-server", "namespace": "kube-system"}
    objects = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"ports": [{"port": 443, "targetPort": 4443}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": service | {"labels": {"kubernetes.io/service-name": "metrics-server"}},
            "addressType": "IPv4",
            "ports": [{"port": 4443, "protocol": "TCP"}],
            "endpoints": [{"addresses": [NODE_ADDRESS]}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": service,
            },
        },
    ]
    node.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def test_the_autoscaler_adds_pods_under_load_and_takes_them_away(plant: Plant) -> None:
    install_metrics_server(plant.node)
    plant.become(
        "autoscaling.kind=hpa",
        "autoscaling.maxReplicas=2",
        "autoscaling.hpa.cpuUtilization=100",
        "autoscaling.behavior.scaleDown.stabilizationWindowSeconds=15",
    )
    # Of pods that are there: in a namespace without any there is nothing to wait for.
    wait_for(
        "metrics",
        lambda: (
            "cpu"
            in plant.node.kubectl(
                "get", "--raw", f"/apis/metrics.k8s.io/v1beta1/namespaces/{plant.namespace}/pods", check=False
            )
        ),
        90,
    )
    wait_for("one pod, without load", lambda: len(plant.ready_pods()) == 1, 240)
    with plant.cameras(2, interval=0.3), timed("from load to a second pod"):
        wait_for("a second pod", lambda: len(plant.ready_pods()) == 2, 180)
    with timed("from the load's end to one pod again"):
        wait_for("one pod again", lambda: len(plant.ready_pods()) == 1, 240)

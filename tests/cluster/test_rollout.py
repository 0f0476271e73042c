"""New versions under load: a result for every frame, whatever becomes of the pods."""

from __future__ import annotations

from figures import note, timed
from node import wait_for
from plant import NAME, RELEASE, Plant, names

BROKEN = "model.path=/opt/bayespfl/none"


def new_version(number: int) -> str:
    """Pods with another template."""
    return f"podAnnotations.version=v{number}"


def test_rolls_two_pods_without_losing_a_frame(plant: Plant) -> None:
    plant.become(new_version(1))
    before = names(plant.pods())
    with plant.cameras() as cameras:
        with plant.watching() as ready, timed("rolling upgrade of two pods"):
            plant.become(new_version(2))
        done = [each.answered() for each in cameras]
        wait_for(
            "frames after the rollout",
            lambda: all(c.answered() > n + 5 for c, n in zip(cameras, done, strict=True)),
            60,
        )
    assert not before & names(plant.pods())
    assert plant.restarts() == 0
    # One at a time. The second one was gone too, or nothing was seen.
    assert ready[0] == ready[-1] == 2
    assert min(ready) == 1
    note(f"ready pods: {' '.join(map(str, ready))}")


def test_frames_wait_for_the_only_pod(plant: Plant) -> None:
    plant.become("replicas=1", new_version(1))
    with plant.cameras(timeout=180) as cameras:
        with timed("upgrade of the only pod"):
            plant.become("replicas=1", new_version(2))
        done = [each.answered() for each in cameras]
        wait_for(
            "frames after the gap", lambda: all(c.answered() > n + 5 for c, n in zip(cameras, done, strict=True)), 60
        )
    # There was a gap, and it was waited out.
    assert max(each["latency"] for camera in cameras for each in camera.outcomes) > 2


def test_goes_back_from_a_model_that_is_not_there(plant: Plant) -> None:
    plant.become(new_version(1))
    before = plant.node.get("deployment", NAME, namespace=plant.namespace)["spec"]["template"]
    with plant.cameras(), timed("--atomic upgrade to a broken model, 60 s allowed, and back"):
        said = plant.helm("upgrade", "--atomic", settings=(new_version(1), BROKEN), seconds=60, check=False)
        assert "rolled back" in said
    assert plant.node.get("deployment", NAME, namespace=plant.namespace)["spec"]["template"] == before
    plant.roll_out()
    history = plant.node.helm("history", RELEASE, "--namespace", plant.namespace)
    assert "Rollback to" in history.splitlines()[-1]


def test_rolls_back_on_demand(plant: Plant) -> None:
    plant.become(new_version(1), "config.max_batch=1")
    plant.become(new_version(2), "config.max_batch=2")
    with plant.cameras(), timed("rollback of two pods"):
        plant.node.helm("rollback", RELEASE, "--namespace", plant.namespace, "--wait", "--timeout", "300s")
        plant.roll_out()
    config = plant.node.get("configmap", NAME, namespace=plant.namespace)["data"]["server.yaml"]
    assert "max_batch: 1\n" in config
    template = plant.node.get("deployment", NAME, namespace=plant.namespace)["spec"]["template"]
    assert template["metadata"]["annotations"]["version"] == "v1"


def test_pods_roll_when_the_configuration_changes(plant: Plant) -> None:
    plant.become()
    before = names(plant.pods())
    plant.become("config.log_level=warning")
    assert not before & names(plant.pods())
    plant.become("config.log_level=warning")
    assert len(plant.ready_pods()) == 2

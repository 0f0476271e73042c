"""A model that does not come with the image."""

from __future__ import annotations

import json
import shutil

from plant import MODEL, Plant

CLAIM = "model-packages"


def provide_claim(plant: Plant) -> None:
    """A volume with a package in its folder `release-1`."""
    folder = plant.node.folder / "volumes" / CLAIM
    if folder.exists():
        return
    shutil.copytree(MODEL, folder / "release-1")
    # The server is nobody there.
    plant.node.run("chmod", "-R", "u=rwX,go=rX", folder)
    size, modes = {"storage": "1Gi"}, ["ReadOnlyMany"]
    objects = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": CLAIM},
            "spec": {
                "capacity": size,
                "accessModes": modes,
                "storageClassName": "",
                "hostPath": {"path": str(folder), "type": "Directory"},
                "claimRef": {"namespace": plant.namespace, "name": CLAIM},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": plant.namespace},
            "spec": {"accessModes": modes, "storageClassName": "", "resources": {"requests": size}},
        },
    ]
    plant.node.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def test_on_a_claim(plant: Plant) -> None:
    provide_claim(plant)
    plant.become("model.source=claim", f"model.claim.name={CLAIM}", "model.folder=release-1")
    passed, failed = plant.verdicts()
    assert plant.test()
    assert plant.verdicts() == (passed + 1, failed + 1)


def test_by_its_name_from_a_folder_of_packages(plant: Plant) -> None:
    provide_claim(plant)
    plant.become("model.source=claim", f"model.claim.name={CLAIM}", "model.names={release-1}")
    assert plant.test()
    server = plant.ready_pods()[0]["metadata"]["name"]
    mounted = plant.node.kubectl("-n", plant.namespace, "exec", server, "--", "cat", "/proc/mounts")
    options = next(line.split()[3] for line in mounted.splitlines() if line.split()[1] == "/models")
    assert "ro" in options.split(",")

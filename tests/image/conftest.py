"""The images under test, as scripts/image_test.sh has built them with the engine that DOCKER_HOST names."""

from __future__ import annotations

import os

import pytest
from docker import REPOSITORY, run


def tag(target: str) -> str:
    return run(REPOSITORY / "scripts" / "image.sh", "tag", target).stdout.strip()


@pytest.fixture(scope="session")
def cpu() -> str:
    return tag("cpu")


@pytest.fixture(scope="session")
def tools() -> str:
    return tag("tools")


@pytest.fixture(scope="session")
def cuda() -> str:
    if os.environ.get("IMAGE_TEST_CUDA") != "1":
        pytest.skip("IMAGE_TEST_CUDA=1 builds and tests the image for GPUs (2.6 GB to fetch)")
    return tag("cuda")


@pytest.fixture(scope="session")
def version() -> str:
    return run(REPOSITORY / "scripts" / "version.sh").stdout.strip()

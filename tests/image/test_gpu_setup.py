"""`make setup GPU=1`: a checkout's LibTorch with NVIDIA's libraries, opened without a driver."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from docker import REPOSITORY, devices_of, run

# What LibTorch's CUDA backend names, and `make setup` alone does not bring.
OF_NVIDIA = ("cublas", "cudnn", "cufft", "cufile", "curand", "cusparse", "cusparseLt", "nccl", "nvshmem")


def devices(venv: Path) -> dict[str, str]:
    libraries = venv / "lib" / "python3.11" / "site-packages" / "torch" / "lib"
    program = REPOSITORY / "build" / "bin" / "bayespfl-model"
    return devices_of(run(program, "devices", environment={"LD_LIBRARY_PATH": str(libraries)}).stdout)


@pytest.mark.skipif(os.environ.get("IMAGE_TEST_CUDA") != "1", reason="IMAGE_TEST_CUDA=1 fetches 2.6 GB")
def test_a_checkout_gets_what_a_gpu_needs(tmp_path: Path) -> None:
    def setup(gpu: int) -> str:
        settings = (f"GPU={gpu}", f"BAYESPFL_VENV={tmp_path / 'venv'}")
        return run("make", "--no-print-directory", "setup", *settings, limit_s=1800, folder=REPOSITORY).stdout

    setup(0)
    before = devices(tmp_path / "venv")
    assert before["CUDA backend"].startswith(str(tmp_path))
    assert [name for name in OF_NVIDIA if f"lib{name}" not in before["missing"]] == []
    assert before["opens"].startswith(
        "no: LibTorch's CUDA backend needs libraries that are not installed: libcublas.so"
    )

    assert "adding NVIDIA's libraries" in setup(1)
    after = devices(tmp_path / "venv")
    assert after["missing"] == "none"
    assert after["opens"] == "yes"

    assert setup(1) == ""

"""The wheel that users install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email import message_from_bytes

import pytest
from conftest import ROOT

PROJECT = ROOT / "client/python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling", reason="the wheel is built where hatchling is; it is not in this environment")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_has_the_whole_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = PROJECT / "src"
    expected = {
        str(file.relative_to(source))
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and ".egg-info" not in str(file)
    }

    assert inside == expected
    assert {"bayespfl/py.typed", "bayespfl_pytest.py", "bayespfl/inspection/v1/inspection_pb2.pyi"} <= inside


def test_says_what_it_needs_and_sets_no_upper_bounds(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(wheel.read(name))

    needed = [requirement for requirement in metadata.get_all("Requires-Dist", []) if "extra" not in requirement]
    assert sorted(needed) == ["grpcio>=1.51", "numpy>=1.23.5", "protobuf>=4.21"]
    assert "<" not in "".join(metadata.get_all("Requires-Dist", []))
    assert metadata["License"] == "MIT"
    assert metadata["Name"] == "bayespfl-client"


def test_has_the_command_and_the_plugin(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    text = wheel.read(name).decode()

    assert "bayespfl = bayespfl.cli:main" in text
    assert "bayespfl = bayespfl_pytest" in text

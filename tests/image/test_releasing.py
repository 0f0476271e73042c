"""What docs/releasing.md has a maintainer run, where it needs neither a registry nor a GPU."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from docker import REPOSITORY, run

LIST = Path("scripts") / "debian-packages-runtime.txt"


def test_pin_takes_todays_versions(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts")
    committed = (REPOSITORY / LIST).read_text(encoding="utf-8").splitlines()
    names = [line.partition("=")[0] for line in committed]
    (tmp_path / LIST).write_text("".join(f"{name}=0\n" for name in names), encoding="utf-8")
    page = (REPOSITORY / "docs" / "releasing.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`apt-get update && ([^`]*)`", page)
    run("bash", "-c", f"apt-get update -qq && {command}", folder=tmp_path)

    pinned = dict(line.split("=") for line in (tmp_path / LIST).read_text(encoding="utf-8").splitlines())
    assert list(pinned) == names
    archive = run("apt-cache", "madison", *names).stdout.splitlines()
    offered = {tuple(field.strip() for field in row.split("|")[:2]) for row in archive}
    assert set(pinned.items()) <= offered


def test_pin_names_a_package_that_debian_does_not_have(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts")
    (tmp_path / LIST).write_text("libnobody-has-this1=1\n", encoding="utf-8")
    refused = run("scripts/image.sh", "pin", folder=tmp_path, check=False)
    assert refused.returncode == 1
    assert "libnobody-has-this1" in refused.stderr
    assert (tmp_path / LIST).read_text(encoding="utf-8") == "libnobody-has-this1=1\n"

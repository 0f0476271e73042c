"""A clone as a reader has it, with built programs, in a folder that is thrown away."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from pages import REPOSITORY, tracked_files

PROGRAMS = ("bayespfl-server", "bayespfl-client", "bayespfl-model")


def programs_folder() -> Path:
    return Path(os.environ.get("PROGRAMS_FOLDER", REPOSITORY / "build" / "bin")).resolve()


def make_checkout(folder: Path) -> None:
    """Copies, since pages write: calibrate changes the demo model, installing the client reads its folder."""
    for name in tracked_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, target)
    # Not the folder as a whole: what a page writes into build/bin must not end there.
    (folder / "build" / "bin").mkdir(parents=True)
    for program in PROGRAMS:
        (folder / "build" / "bin" / program).symlink_to(programs_folder() / program)
    # The programs that are built with the tests and have a page.
    (folder / "build" / "tests").mkdir()
    for program in ("serving_bench", "serving_ratio"):
        (folder / "build" / "tests" / program).symlink_to(REPOSITORY / "build" / "tests" / program)


def make_environment(folder: Path, checkout: Path) -> dict[str, str]:
    """A reader's: the programs on the PATH, a home, and a virtual environment that is active. That one sees the packages
    of the tests' own, and no index: what a page installs must be there, or in the checkout."""
    home, temporary, virtual = (folder / name for name in ("home", "tmp", "venv"))
    for each in (home, temporary, virtual / "bin"):
        each.mkdir(parents=True)
    # curl calls an answer of 503 a success otherwise.
    (home / ".curlrc").write_text("fail\nsilent\nshow-error\n")
    _make_virtual_environment(virtual)
    return {
        "PATH": f"{virtual / 'bin'}:{checkout / 'build' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "VIRTUAL_ENV": str(virtual),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads the variables of its --no-... options as their opposites
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # As all tests, which run beside each other (scripts/test.sh).
        "OMP_WAIT_POLICY": "PASSIVE",
        # Nine servers start and stop: seconds each, on the defaults, which the server's own tests are for.
        "BAYESPFL_COMPUTE_THREADS": "1",
        "BAYESPFL_DRAIN_DELAY_SECONDS": "0",
        "BAYESPFL_MAX_BATCH": "1",
    }


def _make_virtual_environment(folder: Path) -> None:
    python = folder / "bin" / "python3"
    python.symlink_to(Path(sys.executable).resolve())
    (folder / "bin" / "python").symlink_to("python3")
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    packages = folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec "{python}" -m pip "$@"\n')
    pip.chmod(0o755)

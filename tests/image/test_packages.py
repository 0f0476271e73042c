"""The Debian packages and the archive of `make packages`, on a clean Debian that runs systemd in a container."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import PICTURES, REPOSITORY, docker, run

PACKAGES = Path(os.environ.get("BAYESPFL_PACKAGES", REPOSITORY / "build" / "packages"))
MACHINE = "bayespfl-test-systemd:latest"
NAMES = ("client", "libtorch", "model", "server")
# systemd asks for these; /proc/sys stays read-only, so that it changes no setting of the host's kernel.
SYSTEMD = (
    "--cap-add=SYS_ADMIN",
    "--security-opt=seccomp=unconfined",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec",
)
LEAST_EXPOSED = 1.5
BY_HAND = "port: 55061"

# Runs with a package's unpacked folder as its working folder: the next version, whose own configuration is another one.
NEXT_VERSION = """
sed -i 's/^Version: .*/Version: 99.0/; s/(= [0-9.]*)/(= 99.0)/' DEBIAN/control
if [ -f etc/bayespfl/server.yaml ]; then echo 'max_batch: 2' >>etc/bayespfl/server.yaml; fi
"""


class Machine:
    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, script: str, limit_s: float = 300) -> str:
        return docker("exec", self.name, "bash", "-euo", "pipefail", "-c", script, limit_s=limit_s)

    def wait_for(self, script: str, limit_s: float = 180) -> None:
        deadline = time.monotonic() + limit_s
        while run("docker", "exec", self.name, "bash", "-c", script, check=False).returncode != 0:
            assert time.monotonic() < deadline, f"{script}: {self.run('journalctl -n 30 --no-pager')}"
            time.sleep(0.5)


@pytest.fixture(scope="module")
def debs() -> list[Path]:
    found = sorted(PACKAGES.glob("*.deb"))
    assert [path.name.split("_")[0] for path in found] == [f"bayespfl-{name}" for name in NAMES], (
        f"`make packages` first ({PACKAGES})"
    )
    return found


@pytest.fixture(scope="module")
def machine(debs: list[Path], cpu: str) -> Iterator[Machine]:
    docker("build", "--network=host", "--quiet", "--tag", MACHINE, Path(__file__).parent / "systemd", limit_s=300)
    cgroup = (
        "--volume=/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd"
        if Path("/sys/fs/cgroup/systemd").exists()
        else "--cgroupns=private"
    )
    name = docker(
        *("run", "--detach", "--network=host", *SYSTEMD, cgroup, "--env=container=docker"),
        *(f"--volume={PACKAGES}:/debs:ro", f"--volume={PICTURES}:/pictures:ro", MACHINE),
    )
    try:
        yield Machine(name)
    finally:
        docker("rm", "--force", "--volumes", name)


def apt(machine: Machine, arguments: str) -> str:
    return machine.run(
        f"DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold {arguments} 2>&1",
        limit_s=600,
    )


def test_packages_name_what_they_need(debs: list[Path], version: str) -> None:
    for deb in debs:
        fields = run("dpkg-deb", "--field", deb).stdout
        assert f"Version: {version}\n" in fields
        assert "libc6 (>=" in fields
    depends = {deb.name.split("_")[0]: run("dpkg-deb", "--field", deb, "Depends").stdout for deb in debs}
    assert f"bayespfl-libtorch (= {version})" in depends["bayespfl-server"]
    assert "libtorch" not in depends["bayespfl-client"]


def test_the_unit_is_right_and_closed(tmp_path: Path) -> None:
    unit = REPOSITORY / "deploy" / "systemd" / "bayespfl-server.service"
    judged = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit, check=False).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged)
    assert exposure is not None, judged
    assert float(exposure[1]) <= LEAST_EXPOSED


# The tests below are one story, in this order.
def test_installs_and_starts_nothing(machine: Machine) -> None:
    machine.wait_for("systemctl is-system-running")
    machine.run("apt-get update -qq")
    apt(machine, "/debs/*.deb")
    assert machine.run(
        "bayespfl-server --version; bayespfl-client --version; bayespfl-model --version | tail -n 1"
    ).split()
    assert machine.run("systemctl is-active bayespfl-server || true") == "inactive"
    machine.run("bayespfl-server --config /etc/bayespfl/server.yaml --check-config")
    assert machine.run("systemd-analyze verify bayespfl-server.service 2>&1 || true") == ""


def test_the_service_inspects_in_its_cage(machine: Machine) -> None:
    # Not every engine lets a service have user namespaces; everything else is tried all the same.
    probe = ("docker", "exec", machine.name, "systemd-run", "-q", "--wait", "-p", "PrivateUsers=yes", "true")
    if run(*probe, check=False).returncode != 0:
        machine.run(
            "mkdir -p /etc/systemd/system/bayespfl-server.service.d && "
            "printf '[Service]\\nPrivateUsers=no\\n' >/etc/systemd/system/bayespfl-server.service.d/kernel.conf; systemctl daemon-reload"
        )
    # Ports that nothing else on this machine has; the container shares its network.
    machine.run(
        "printf 'port: 55061\\nhttp_port: 59061\\nresult_log: /var/lib/bayespfl/results.jsonl\\n' >>/etc/bayespfl/server.yaml"
    )
    machine.run("systemctl start bayespfl-server")
    machine.wait_for("bayespfl-client health --server 127.0.0.1:55061 --timeout 2")
    table = machine.run(
        "cd /pictures && bayespfl-client inspect --server 127.0.0.1:55061 --stream --manifest manifest.csv"
    )
    assert "27 frames, 0 failed, 9 PASS, 1 REVIEW, 17 FAIL" in table
    status = machine.run("cat /proc/$(systemctl show --value -p MainPID bayespfl-server)/status")
    assert "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert re.search(r"^Uid:\t6[0-9]{4}\t", status, re.MULTILINE), "DynamicUser= gives a user of its own"
    assert machine.run("wc -l </var/lib/bayespfl/results.jsonl") == "27"
    machine.run("systemctl reload bayespfl-server")
    machine.wait_for("journalctl -u bayespfl-server --no-pager | grep -q 'the models were loaded anew'")


def test_an_upgrade_keeps_the_configuration(machine: Machine) -> None:
    before = machine.run("systemctl show --value -p MainPID bayespfl-server")
    machine.run(
        "mkdir -p /tmp/next; for deb in /debs/*.deb; do rm -rf /tmp/deb; dpkg-deb -R $deb /tmp/deb; "
        f"(cd /tmp/deb; {NEXT_VERSION}); dpkg-deb --root-owner-group -Znone -b /tmp/deb /tmp/next/$(basename $deb) >/dev/null; done"
    )
    apt(machine, "/tmp/next/*.deb")
    assert machine.run("dpkg-query -W -f='${Version} ${db:Status-Status}' bayespfl-server") == "99.0 installed"
    assert BY_HAND in machine.run("cat /etc/bayespfl/server.yaml")
    assert "max_batch: 2" in machine.run("cat /etc/bayespfl/server.yaml.dpkg-dist")
    # What ran was restarted, and serves.
    machine.wait_for("bayespfl-client health --server 127.0.0.1:55061 --timeout 2")
    assert machine.run("systemctl show --value -p MainPID bayespfl-server") != before


def test_a_removal_stops_it_and_leaves_the_configuration(machine: Machine) -> None:
    machine.run("DEBIAN_FRONTEND=noninteractive apt-get remove -y -q 'bayespfl-*' 2>&1")
    assert machine.run("pgrep -c bayespfl || true") == "0"
    assert machine.run("ls -A /opt/bayespfl 2>/dev/null || true") == ""
    assert BY_HAND in machine.run("cat /etc/bayespfl/server.yaml")
    assert machine.run("test -s /var/lib/private/bayespfl/results.jsonl && echo kept") == "kept"


def test_a_purge_leaves_nothing(machine: Machine) -> None:
    machine.run("rm -rf /etc/systemd/system/bayespfl-server.service.d")  # this test's own
    machine.run("DEBIAN_FRONTEND=noninteractive apt-get purge -y -q 'bayespfl-*' 2>&1")
    assert machine.run("find / -xdev '(' -path /proc -o -path /debs ')' -prune -o -name '*bayespfl*' -print") == ""


def test_the_archive_runs_from_any_folder(debs: list[Path], cpu: str, version: str, tmp_path: Path) -> None:
    (archive,) = PACKAGES.glob("*.tar.gz")
    assert archive.name == f"bayespfl-{version}-linux-amd64.tar.gz"
    run("tar", "-C", tmp_path, "-xzf", archive)
    (top,) = tmp_path.iterdir()
    environment = {"PATH": os.environ["PATH"]}
    command: list[str | Path] = [
        top / "bin" / "bayespfl-model",
        "inspect",
        "--model",
        top / "model",
        "--category",
        "leather",
        PICTURES / "leather",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.count('"verdict":') == 3
    assert (top / "share" / "bayespfl" / "bayespfl-server.service").is_file()

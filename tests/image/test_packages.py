"""The Debian packages and the archive of `make packages`, on a clean Debian that runs systemd in a container."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import PICTURES, REPOSITORY, run
from machine import READER, Machine

PACKAGES = Path(os.environ.get("BAYESPFL_PACKAGES", REPOSITORY / "build" / "packages"))
NAMES = ("client", "libtorch", "model", "server")
BY_HAND = "port: 55061"

# Runs with a package's unpacked folder as its working folder: the next version, whose own configuration is another one.
NEXT_VERSION = """
sed -i 's/^Version: .*/Version: 99.0/; s/(= [0-9.]*)/(= 99.0)/' DEBIAN/control
if [ -f etc/bayespfl/server.yaml ]; then echo 'max_batch: 2' >>etc/bayespfl/server.yaml; fi
"""


@pytest.fixture(scope="module")
def debs() -> list[Path]:
    found = sorted(PACKAGES.glob("*.deb"))
    assert [path.name.split("_")[0] for path in found] == [f"bayespfl-{name}" for name in NAMES], (
        f"`make packages` first ({PACKAGES})"
    )
    return found


@pytest.fixture(scope="module")
def machine(debs: list[Path]) -> Iterator[Machine]:
    checkout = f"--volume={PACKAGES}:/checkout/build/packages:ro"
    with Machine("--network=host", checkout, f"--volume={PICTURES}:/pictures:ro") as machine:
        yield machine


def commands(first: str) -> list[str]:
    """Those of the block of docs/docker.md that begins so."""
    page = (REPOSITORY / "docs" / "docker.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```text\n({re.escape(first)}.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(block).splitlines()


def follow(machine: Machine, lines: list[str], **functions: str) -> str:
    """Runs the lines as the reader of the page has them, in the checkout; `functions` stand in for programs."""
    stand_ins = "".join(f"{name}() {{ {body}; }}\n" for name, body in functions.items())
    return machine.run("\n".join((READER + stand_ins + "cd /checkout", *lines)), limit_s=600)


def test_packages_name_what_they_need(debs: list[Path], version: str) -> None:
    for deb in debs:
        fields = run("dpkg-deb", "--field", deb).stdout
        assert f"Version: {version}\n" in fields
        assert "libc6 (>=" in fields
    depends = {deb.name.split("_")[0]: run("dpkg-deb", "--field", deb, "Depends").stdout for deb in debs}
    assert f"bayespfl-libtorch (= {version})" in depends["bayespfl-server"]
    assert "libtorch" not in depends["bayespfl-client"]


def test_the_unit_is_as_closed_as_the_page_says() -> None:
    unit = REPOSITORY / "deploy" / "systemd" / "bayespfl-server.service"
    judged = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit, check=False).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged)
    assert exposure is not None, judged
    page = (REPOSITORY / "docs" / "docker.md").read_text(encoding="utf-8")
    assert f"puts its exposure at {exposure[1]} of 10" in page


# The tests below are one story, in this order.
def test_installs_and_starts_nothing(machine: Machine) -> None:
    machine.run("apt-get update -qq")
    made, installed, *rest = commands("make packages")
    assert (made, len(rest)) == ("make packages", 2)
    follow(machine, [installed])
    assert machine.run(
        "bayespfl-server --version; bayespfl-client --version; bayespfl-model --version | tail -n 1"
    ).split()
    assert machine.run("systemctl is-active bayespfl-server || true") == "inactive"
    machine.run("bayespfl-server --config /etc/bayespfl/server.yaml --check-config")
    assert machine.run("systemd-analyze verify bayespfl-server.service 2>&1 || true") == ""


def test_the_service_inspects_in_its_cage(machine: Machine) -> None:
    machine.open_where_the_engine_must()
    # Ports that nothing else on this machine has; the container shares its network.
    by_hand = rf"{BY_HAND}\nhttp_port: 59061\nresult_log: /var/lib/bayespfl/results.jsonl\n"
    follow(machine, commands("make packages")[2:], nano=f"printf '{by_hand}' >>\"$1\"")
    assert machine.run("systemctl is-enabled bayespfl-server") == "enabled"
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
        "mkdir -p /tmp/next; for deb in /checkout/build/packages/*.deb; do rm -rf /tmp/deb; dpkg-deb -R $deb /tmp/deb; "
        f"(cd /tmp/deb; {NEXT_VERSION}); dpkg-deb --root-owner-group -Znone -b /tmp/deb /tmp/next/$(basename $deb) >/dev/null; done"
    )
    machine.run("apt-get install -q -o Dpkg::Options::=--force-confold /tmp/next/*.deb 2>&1", limit_s=600)
    assert machine.run("dpkg-query -W -f='${Version} ${db:Status-Status}' bayespfl-server") == "99.0 installed"
    assert BY_HAND in machine.run("cat /etc/bayespfl/server.yaml")
    assert "max_batch: 2" in machine.run("cat /etc/bayespfl/server.yaml.dpkg-dist")
    # What ran was restarted, and serves.
    machine.wait_for("bayespfl-client health --server 127.0.0.1:55061 --timeout 2")
    assert machine.run("systemctl show --value -p MainPID bayespfl-server") != before


def test_a_removal_stops_it_and_leaves_the_configuration(machine: Machine) -> None:
    machine.run("apt-get remove -q 'bayespfl-*' 2>&1")
    assert machine.run("pgrep -c bayespfl || true") == "0"
    assert machine.run("ls -A /opt/bayespfl 2>/dev/null || true") == ""
    assert BY_HAND in machine.run("cat /etc/bayespfl/server.yaml")
    assert machine.run("test -s /var/lib/private/bayespfl/results.jsonl && echo kept") == "kept"


def test_a_purge_leaves_nothing(machine: Machine) -> None:
    machine.run("rm -rf /etc/systemd/system/bayespfl-server.service.d")  # this test's own
    machine.run("apt-get purge -q 'bayespfl-*' 2>&1")
    assert machine.run("find / -xdev '(' -path /proc -o -path /checkout ')' -prune -o -name '*bayespfl*' -print") == ""


# What apt brought for the packages goes first, so that the archive's own list has to name all that it needs.
def test_the_archive_runs_from_any_folder(machine: Machine, version: str) -> None:
    (archive,) = PACKAGES.glob("*.tar.gz")
    assert archive.name == f"bayespfl-{version}-linux-amd64.tar.gz"
    machine.run("apt-get autoremove --purge -q 2>&1")
    assert machine.run("ls /usr/lib/x86_64-linux-gnu | grep -cE '^lib(opencv|grpc|zip)' || true") == "0"
    *prepare, start = (line.replace("build/", "/checkout/build/") for line in commands("mkdir inspection"))
    said = follow(
        machine,
        [
            "cd /srv",
            *prepare,
            "export BAYESPFL_PORT=55062 BAYESPFL_HTTP_PORT=59062 BAYESPFL_SERVER=127.0.0.1:55062",
            f"{start} & server=$!",
            "for second in $(seq 60); do inspection/bin/bayespfl-client health && break; sleep 1; done",
            "inspection/bin/bayespfl-client inspect --category leather /pictures/leather",
            "kill $server; wait $server",
            "inspection/bin/bayespfl-model inspect --model inspection/model --category leather /pictures/leather",
        ],
    )
    assert "3 frames, 0 failed, 1 PASS, 2 FAIL" in said
    assert said.count('"verdict":') == 3
    assert set(machine.run("ls /srv/inspection/share/bayespfl").split()) >= {"LICENSE", "bayespfl-server.service"}

"""A clean Debian that runs systemd in a container: what packages are installed on."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from docker import docker, run

IMAGE = "bayespfl-test-systemd:latest"
# systemd asks for these; /proc/sys stays read-only, so that it changes no setting of the host's kernel.
SYSTEMD = (
    "--cap-add=SYS_ADMIN",
    "--security-opt=seccomp=unconfined",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec",
    "--env=container=docker",
    "--env=DEBIAN_FRONTEND=noninteractive",
)
# Who reads the pages' commands here is root, and says yes.
READER = 'sudo() { "$@"; }\n'


class Machine:
    """Up when `with` begins."""

    def __init__(self, *options: str) -> None:
        docker("build", "--network=host", "--quiet", "--tag", IMAGE, Path(__file__).parent / "systemd", limit_s=300)
        cgroup = (
            "--volume=/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd"
            if Path("/sys/fs/cgroup/systemd").exists()
            else "--cgroupns=private"
        )
        self.name = docker("run", "--detach", *SYSTEMD, cgroup, *options, IMAGE)

    def __enter__(self) -> Self:
        try:
            self.wait_for("systemctl is-system-running")
            self.run("echo 'APT::Get::Assume-Yes \"true\";' >/etc/apt/apt.conf.d/90yes")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        docker("rm", "--force", "--volumes", self.name)

    def run(self, script: str, limit_s: float = 300) -> str:
        return docker("exec", self.name, "bash", "-euo", "pipefail", "-c", script, limit_s=limit_s)

    def wait_for(self, script: str, limit_s: float = 180) -> None:
        deadline = time.monotonic() + limit_s
        while run("docker", "exec", self.name, "bash", "-c", script, check=False).returncode != 0:
            assert time.monotonic() < deadline, f"{script}: {self.run('journalctl -n 30 --no-pager')}"
            time.sleep(0.5)

    def open_where_the_engine_must(self) -> None:
        """Not every engine lets a service have user namespaces; everything else of the unit is tried all the same."""
        probe = ("docker", "exec", self.name, "systemd-run", "-q", "--wait", "-p", "PrivateUsers=yes", "true")
        if run(*probe, check=False).returncode == 0:
            return
        self.run(
            "mkdir -p /etc/systemd/system/bayespfl-server.service.d && "
            "printf '[Service]\\nPrivateUsers=no\\n' >/etc/systemd/system/bayespfl-server.service.d/kernel.conf; "
            "systemctl daemon-reload"
        )

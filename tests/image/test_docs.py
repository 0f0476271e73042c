"""The commands of docs/docker.md, run as they stand there."""

from __future__ import annotations

import re

from docker import REPOSITORY, docker, run

PAGE = REPOSITORY / "docs" / "docker.md"


def test_every_command_works(cpu: str, tools: str) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7
    script = "\n".join(f"echo '--- block {number}'\n{block}" for number, block in enumerate(blocks))
    # Docker asks for health every ten seconds; this reader is faster than that.
    look = "docker inspect --format '{{.State.Status}}"
    assert script.count(look) == 1
    healthy = "$(docker inspect --format '{{.State.Health.Status}}' inspector) == healthy"
    script = script.replace(look, f"until [[ {healthy} ]]; do sleep 1; done\n{look}")
    # Another server on this machine keeps its ports.
    script = re.sub(r"127\.0\.0\.1:\d+:(\d+)", r"127.0.0.1::\1", script)
    try:
        said = run("bash", "-euo", "pipefail", "-c", f"cd {REPOSITORY}\n{script}", limit_s=400).stdout
    finally:
        docker("rm", "--force", "inspector", "inspector-before", check=False)
        docker("volume", "rm", "--force", "results", "results-restored", check=False)
    assert "max_batch: 8  # environment" in said
    assert "exit=0 oom=false healthy" in said
    resident = re.search(r"^VmHWM:\s+(\d+) kB$", said, re.MULTILINE)
    assert resident is not None
    assert 250 < int(resident[1]) / 1000 < 450, "the page says 350 MB"
    assert re.search(r"^leather/scratch_0.jpg +leather +FAIL", said, re.MULTILINE)

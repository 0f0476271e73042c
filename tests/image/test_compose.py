"""`docker compose up --wait` of deploy/compose.yaml, with Debian's Prometheus in the place of the registry's image."""

from __future__ import annotations

import json
import os
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import REPOSITORY, client, docker, run

COMPOSE = REPOSITORY / "deploy" / "compose.yaml"
PROMETHEUS = "bayespfl-test-prometheus:latest"
PORTS = {"INSPECTOR_PORT": "55051", "PROMETHEUS_PORT": "59090"}


@pytest.fixture(scope="module")
def project(cpu: str) -> Iterator[list[str]]:
    docker("build", "--network=host", "--quiet", "--tag", PROMETHEUS, Path(__file__).parent / "prometheus", limit_s=300)
    os.environ.update(
        PORTS, INSPECTOR_IMAGE=cpu, PROMETHEUS_IMAGE=PROMETHEUS, INSPECTOR_MEMORY="2g", INSPECTOR_CPUS="1"
    )
    command = ["docker", "compose", "--file", str(COMPOSE), "--project-name", "bayespfl-test"]
    try:
        run(*command, "up", "--detach", "--wait", "--wait-timeout=120", limit_s=180)
        yield command
    finally:
        run(*command, "down", "--volumes", "--timeout=30", limit_s=120)


def answer(query: str) -> list[dict[str, object]]:
    url = f"http://127.0.0.1:{PORTS['PROMETHEUS_PORT']}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(url, timeout=10) as reply:
        result: list[dict[str, object]] = json.load(reply)["data"]["result"]
    return result


def test_all_services_are_healthy(project: list[str]) -> None:
    services = [json.loads(line) for line in run(*project, "ps", "--format=json").stdout.splitlines()]
    assert {service["Service"]: service["Health"] for service in services} == {
        "inspector": "healthy",
        "prometheus": "healthy",
    }


def test_ports_are_open_to_this_machine_alone(project: list[str]) -> None:
    published = run(*project, "ps", "--format={{.Ports}}").stdout
    assert published.count("127.0.0.1:") == 2
    assert "0.0.0.0:" not in published
    assert "[::]" not in published


def test_prometheus_counts_what_the_server_answers(project: list[str], tools: str) -> None:
    server = f"127.0.0.1:{PORTS['INSPECTOR_PORT']}"
    client(tools, "inspect", "--server", server, "--category", "wood", "wood/good_0.jpg", "wood/hole_0.jpg")
    deadline = time.monotonic() + 30
    while not (series := answer('bayespfl_frames_total{outcome="ok"} >= 2')) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert [sample["value"][1] for sample in series] == ["2"]  # type: ignore[index]


def test_the_result_log_lies_in_its_volume(project: list[str]) -> None:
    lines = run(*project, "exec", "--no-TTY", "inspector", "cat", "/var/lib/bayespfl/results.jsonl").stdout.splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["OK", "OK"]


def test_grafana_is_a_profile(project: list[str]) -> None:
    assert "grafana" not in run(*project, "config", "--services").stdout.split()
    assert "grafana" in run(*project, "--profile=grafana", "config", "--services").stdout.split()

"""`docker compose up --wait` of deploy/compose.yaml, with Debian's Prometheus in the place of the registry's image."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import REPOSITORY, client, docker, inspect, run

COMPOSE = REPOSITORY / "deploy" / "compose.yaml"
PROMETHEUS = "bayespfl-test-prometheus:latest"
PORTS = {"INSPECTOR_PORT": "55051", "PROMETHEUS_PORT": "59090"}


@pytest.fixture(scope="module")
def project(cpu: str) -> Iterator[list[str]]:
    docker("build", "--network=host", "--quiet", "--tag", PROMETHEUS, Path(__file__).parent / "prometheus", limit_s=300)
    settings = PORTS | {
        "INSPECTOR_IMAGE": cpu,
        "PROMETHEUS_IMAGE": PROMETHEUS,
        "INSPECTOR_MEMORY": "2g",
        "INSPECTOR_CPUS": "1",
    }
    command = ["docker", "compose", "--file", str(COMPOSE), "--project-name", "bayespfl-test"]
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        try:
            run(*command, "up", "--detach", "--wait", "--wait-timeout=120", limit_s=180)
            yield command
        finally:
            run(*command, "down", "--volumes", "--timeout=30", limit_s=120)


def prometheus(path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORTS['PROMETHEUS_PORT']}/api/v1/{path}", timeout=10) as reply:
        data: dict[str, Any] = json.load(reply)["data"]
    return data


def answer(query: str) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = prometheus(f"query?{urllib.parse.urlencode({'query': query})}")["result"]
    return result


def test_all_services_are_healthy(project: list[str]) -> None:
    services = [json.loads(line) for line in run(*project, "ps", "--format=json").stdout.splitlines()]
    assert {service["Service"]: service["Health"] for service in services} == {
        "inspector": "healthy",
        "prometheus": "healthy",
    }


@pytest.mark.parametrize(("service", "memory"), [("inspector", 2 << 30), ("prometheus", 1 << 30)])
def test_services_run_read_only_without_rights(project: list[str], service: str, memory: int) -> None:
    host = inspect(run(*project, "ps", "--quiet", service).stdout.strip())["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] == memory
    assert host["RestartPolicy"]["Name"] == "unless-stopped"


def test_the_limits_of_the_file_are_the_servers(project: list[str]) -> None:
    container = inspect(run(*project, "ps", "--quiet", "inspector").stdout.strip())
    assert container["HostConfig"]["NanoCpus"] == 10**9
    assert container["HostConfig"]["PidsLimit"] == 512
    # Longer than the longest stop (docs/operations.md): the delay, the timeout, three seconds, and three for traces.
    assert container["Config"]["StopTimeout"] == 35


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
    assert [sample["value"][1] for sample in series] == ["2"]


def test_prometheus_has_the_rules(project: list[str]) -> None:
    written = (COMPOSE.parent / "prometheus" / "rules.yaml").read_text(encoding="utf-8")
    deadline = time.monotonic() + 60
    while True:
        rules = [rule for group in prometheus("rules")["groups"] for rule in group["rules"]]
        if all(rule["health"] == "ok" for rule in rules) or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert {rule["name"] for rule in rules} == set(re.findall(r"^ +- (?:record|alert): (.*)$", written, re.MULTILINE))
    assert {rule["health"] for rule in rules} == {"ok"}
    # A server at work is no reason for any of them.
    assert [rule["name"] for rule in rules if rule.get("state") == "firing"] == []


def test_the_result_log_lies_in_its_volume(project: list[str]) -> None:
    lines = run(*project, "exec", "--no-TTY", "inspector", "cat", "/var/lib/bayespfl/results.jsonl").stdout.splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["OK", "OK"]


def test_grafana_is_a_profile(project: list[str]) -> None:
    assert "grafana" not in run(*project, "config", "--services").stdout.split()
    services = json.loads(run(*project, "--profile=grafana", "config", "--format=json").stdout)["services"]
    grafana = services["grafana"]
    assert grafana["cap_drop"] == ["ALL"]
    assert [port["host_ip"] for port in grafana["ports"]] == ["127.0.0.1"]
    assert grafana["depends_on"]["prometheus"]["condition"] == "service_healthy"
    # It asks the Prometheus of this file, by the name and port that it has there.
    source = (COMPOSE.parent / "prometheus" / "grafana-datasource.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^    url: (.*)$", source, re.MULTILINE) == ["http://prometheus:9090"]
    assert "9090" in {str(port["target"]) for port in services["prometheus"]["ports"]}

"""A server in a container: read-only, without capabilities, with limits; seen from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from docker import HARDENED, PICTURES, Server, client, docker, inspect, run

LIMITS = ("--memory=1500m", "--memory-swap=1500m", "--cpus=1", "--pids-limit=256")


def kernels(server: Server, tools: str) -> str:
    answer = client(
        tools, "inspect", "--server", server.address(), "--json", "--category", "leather", "leather/good_0.jpg"
    )
    return str(json.loads(answer.stdout)["provenance"]["kernels"])


def threads(server: Server) -> int:
    """The server's own: gRPC gives its threads names, and has now two and now three of a kind."""
    return server.run("bash", "-c", "cat /proc/1/task/*/comm").splitlines().count("bayespfl-server")


def test_inspects_the_demo_pictures(cpu: str, tools: str) -> None:
    with Server(cpu, *LIMITS) as server:
        answer = client(
            tools, "inspect", "--server", server.address(), "--stream", "--json", "--manifest", "manifest.csv"
        )
        lines = [json.loads(line) for line in answer.stdout.splitlines()]
        metrics = server.get("/metrics")
        state = inspect(server.id)
    rows = [row.split(",") for row in (PICTURES / "manifest.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert [line["image"] for line in lines] == [row[0] for row in rows]
    assert {line["image"] for line in lines if line["verdict"] == "PASS"} == {
        row[0] for row in rows if row[2] == "good"
    }
    # As docs/calibration.md has it.
    assert Counter(line["verdict"] for line in lines) == {"PASS": 9, "REVIEW": 1, "FAIL": 17}
    assert f'bayespfl_frames_total{{model="bayespfl-demo",outcome="ok"}} {len(rows)}' in metrics
    assert state["HostConfig"]["ReadonlyRootfs"]
    assert state["HostConfig"]["CapDrop"] == ["ALL"]
    assert not state["State"]["OOMKilled"]


def test_has_no_capability_and_can_write_nothing(cpu: str) -> None:
    with Server(cpu, *LIMITS) as server:
        status = server.run("cat", "/proc/1/status")
        written = run(
            "docker",
            "exec",
            server.id,
            "touch",
            "/tmp/file",
            "/opt/bayespfl/file",
            "/var/lib/bayespfl/file",
            check=False,
        )
    for kind in ("CapEff", "CapPrm", "CapBnd"):
        assert f"{kind}:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert written.stderr.count("Read-only file system") == 3


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="a quota of one processor is no limit on a machine that has one")
def test_threads_follow_the_quota(cpu: str, tools: str) -> None:
    with Server(cpu, "--cpus=1") as server:
        assert kernels(server, tools).endswith("threads=1")
        few = threads(server)
    with Server(cpu) as server:
        assert kernels(server, tools).endswith(f"threads={len(os.sched_getaffinity(0))}")
        assert threads(server) > few


def test_a_setting_of_the_environment_wins_over_the_file(cpu: str) -> None:
    printed = docker("run", "--rm", "--network=none", *HARDENED, "--env=BAYESPFL_MAX_BATCH=7", cpu, "--print-config")
    assert "max_batch: 7" in printed
    assert 'model: "/opt/bayespfl/model"' in printed


def test_a_model_comes_from_a_volume(cpu: str, tools: str, tmp_path: Path) -> None:
    shutil.copytree(PICTURES.parent / "model", tmp_path / "model")
    settings = tmp_path / "model" / "config.json"
    model = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps(model | {"version": "7.7.7"}), encoding="utf-8")
    # As a host has them: folders that pytest makes are for their owner alone.
    for folder in (tmp_path, tmp_path / "model"):
        folder.chmod(0o755)
    with Server(cpu, f"--volume={tmp_path}:/models:ro", "--env=BAYESPFL_MODEL=/models/model") as server:
        assert "7.7.7+" in client(tools, "info", "--server", server.address()).stdout
    with Server(cpu) as server:
        assert f"{model['version']}+" in client(tools, "info", "--server", server.address()).stdout


def health(server: Server) -> str:
    return str(inspect(server.id)["State"]["Health"]["Status"])


def test_health_turns_with_the_server(cpu: str) -> None:
    with Server(cpu, "--health-interval=1s", "--health-retries=2") as server:
        for signal, becomes in (("STOP", "unhealthy"), ("CONT", "healthy")):
            docker("kill", f"--signal={signal}", server.id)
            deadline = time.monotonic() + 60
            while (status := health(server)) != becomes and time.monotonic() < deadline:
                time.sleep(0.2)
            assert status == becomes, f"after SIG{signal}"


def test_health_asks_no_other_port(cpu: str) -> None:
    with Server(
        cpu, "--env=BAYESPFL_PORT=50099", "--health-cmd=bayespfl-client health --server 127.0.0.1:50099"
    ) as server:
        assert run("docker", "exec", server.id, "bayespfl-client", "health", "--timeout=2", check=False).returncode == 3


def test_is_healthy_behind_tls(cpu: str, tools: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    run(
        *(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ),
        *("-subj", "/CN=inspector", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "certificate.pem"),
    )
    os.chown(tmp_path / "key.pem", 65532, 65532)
    settings = (
        "--env=BAYESPFL_TLS_CERTIFICATE=/secrets/certificate.pem",
        "--env=BAYESPFL_TLS_KEY=/secrets/key.pem",
        "--env=BAYESPFL_TLS_CA=/secrets/certificate.pem",
    )
    with Server(cpu, f"--volume={tmp_path}:/secrets:ro", *settings) as server:
        plain = client(tools, "health", "--server", server.address(), "--timeout=2", check=False)
        assert plain.returncode == 3, "the port speaks plain text"


# The lines of the server's log that say why `auto` took the CPU: a device without anything behind it is only visible.
@pytest.mark.parametrize(
    ("name", "options", "level", "reason"),
    [
        ("cpu", (), "info", "no GPU of NVIDIA is visible (/dev/nvidia0)"),
        (
            "cpu",
            ("--device=/dev/null:/dev/nvidia0",),
            "warning",
            "LibTorch is installed without its CUDA backend, /opt/bayespfl/lib/torch/lib/libtorch_cuda.so",
        ),
        ("cuda", (), "info", "no GPU of NVIDIA is visible (/dev/nvidia0)"),
        ("cuda", ("--device=/dev/null:/dev/nvidia0",), "warning", "driver"),
    ],
    ids=["cpu", "cpu-visible", "cuda", "cuda-visible"],
)
def test_says_why_auto_took_the_cpu(
    name: str, options: tuple[str, ...], level: str, reason: str, request: pytest.FixtureRequest
) -> None:
    image = request.getfixturevalue(name)
    with Server(image, "--env=BAYESPFL_LOG_FORMAT=json", *options) as server:
        lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
        devices = server.run("bayespfl-model", "devices")
    (said,) = (line for line in lines if line["message"] == "device auto took the CPU")
    assert said["level"] == level
    assert reason in said["error"]
    assert f"auto takes    cpu: {said['error']}" in devices.splitlines()


# What the page's table makes of the way in which a container ended.
def test_memory_that_does_not_suffice_shows(cpu: str) -> None:
    with (
        pytest.raises(AssertionError, match="'OOMKilled': True.*'ExitCode': 137"),
        Server(cpu, "--memory=40m", "--memory-swap=40m"),
    ):
        pass


def test_a_drain_that_is_cut_short_shows(cpu: str) -> None:
    with Server(cpu, "--env=BAYESPFL_DRAIN_DELAY_SECONDS=20") as server:
        docker("stop", "--time=1", server.id)
        state = inspect(server.id)["State"]
    assert state["ExitCode"] == 137
    assert not state["OOMKilled"]


def test_a_folder_of_somebody_else_ends_the_start_with_a_reason(cpu: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with (
        pytest.raises(AssertionError, match=r"(?s)'ExitCode': 1,.*result_log.* in /results: Permission denied"),
        Server(cpu, f"--volume={tmp_path}:/results", "--env=BAYESPFL_RESULT_LOG=/results/log.jsonl"),
    ):
        pass


def test_a_stop_under_load_loses_nothing(cpu: str, tools: str, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir(mode=0o777)
    results.chmod(0o777)
    settings = ("--env=BAYESPFL_RESULT_LOG=/results/log.jsonl", "--env=BAYESPFL_DRAIN_DELAY_SECONDS=1")
    # 1350 frames for each client: far more than are answered before the stop.
    pictures = tmp_path / "pictures"
    shutil.copytree(PICTURES, pictures)
    rows = (PICTURES / "manifest.csv").read_text(encoding="utf-8").splitlines()
    (pictures / "many.csv").write_text("\n".join([rows[0], *(rows[1:] * 50)]) + "\n", encoding="utf-8")
    with Server(cpu, *LIMITS, *settings, f"--volume={results}:/results") as server:
        command = ["docker", "run", "--rm", "--network=host", f"--volume={pictures}:/work:ro", tools, "bayespfl-client"]
        command += ["inspect", "--server", server.address(), "--json", "--manifest", "many.csv", "--timeout=8"]
        # One client with a stream, which keeps eight frames on their way, and one with a call for each frame.
        clients = [
            subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for more in (["--stream"], [])
        ]
        deadline = time.monotonic() + 60
        while (
            'bayespfl_frames_total{model="bayespfl-demo",outcome="ok"} 0' in server.get("/metrics")
            and time.monotonic() < deadline
        ):
            time.sleep(0.2)
        time.sleep(3)
        began = time.monotonic()
        docker("stop", "--time=30", server.id)
        took = time.monotonic() - began
        answers = [each.communicate(timeout=120)[0] for each in clients]
        state = inspect(server.id)["State"]
    assert state["ExitCode"] == 0
    assert not state["OOMKilled"]
    assert took < 28, "the engine had to kill it"

    received = [json.loads(line) for answer in answers for line in answer.splitlines()]
    answers_by_id = Counter(line["result_id"] for line in received if line.get("result_id"))
    answered = set(answers_by_id)
    assert set(answers_by_id.values()) == {1}, "a frame was answered twice"
    logged = [json.loads(line) for line in (results / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    written = {line["result_id"] for line in logged if line["code"] == "OK"}
    assert len(answered) > 5
    assert len(answered) < 2700, "the load ended before the stop"
    assert answered == written
    # The rest was turned away, or never sent: no frame was broken off in the middle.
    assert {line["code"] for line in logged} <= {"OK", "UNAVAILABLE"}
    errors = {line["error"]["code"] for line in received if not line.get("result_id")}
    assert errors <= {"UNAVAILABLE"}

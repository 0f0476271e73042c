"""NVIDIA's perf_analyzer, as it is published, measures the built server: over the calls that KServe's protocol has in
common with Triton, with pictures of the demo (scripts/perf_analyzer.sh test)."""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from monitoring import PICTURES, Server, get_or_nothing

MODEL_NAME = "bayespfl-demo"
REQUESTS = 12
LIMIT_S = 120  # a busy machine takes a second for a picture


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server"), compute_threads=1) as started:
        yield started


def tensor(*elements: bytes) -> dict[str, object]:
    """A BYTES tensor of one dimension, in perf_analyzer's form: before each element its length in four bytes."""
    packed = b"".join(struct.pack("<I", len(element)) + element for element in elements)
    return {"b64": base64.b64encode(packed).decode(), "shape": [len(elements)]}


def measure(server: Server, folder: Path, pictures: list[str], *options: str) -> str:
    """What perf_analyzer prints, when it has sent REQUESTS requests with these pictures."""
    files = [(PICTURES / picture).read_bytes() for picture in pictures]
    data = folder / "data.json"
    data.write_text(json.dumps({"data": [{"image": tensor(*files), "category": tensor(b"leather")}]}))
    command = [os.environ["PERF_ANALYZER"], "-m", MODEL_NAME, "-i", "grpc", "-u", f"127.0.0.1:{server.port}"]
    command += ["--input-data", str(data), "--request-count", str(REQUESTS), "--concurrency-range", "2", *options]
    finished = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=os.environ | {"LD_LIBRARY_PATH": os.environ["PERF_ANALYZER_LIBRARIES"]},
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, f"no {pattern!r} in\n{text}"
    return int(found[1])


def calls(server: Server, method: str) -> dict[str, int]:
    """How often the method ended with each code so far."""
    page = get_or_nothing(f"http://{server.target}/metrics")
    lines = re.findall(rf'bayespfl_requests_total{{code="(\w+)",method="{method}"}} (\d+)', page)
    return {code: int(count) for code, count in lines if int(count) > 0}


@pytest.mark.parametrize("pictures", [["leather/good_0.jpg"], ["leather/good_0.jpg", "leather/hole_0.jpg"]])
def test_it_measures_and_shows_where_the_servers_time_goes(server: Server, tmp_path: Path, pictures: list[str]) -> None:
    before = calls(server, "ModelInfer").get("OK", 0)

    printed = measure(server, tmp_path, pictures)

    after = calls(server, "ModelInfer")
    assert set(after) == {"OK"}
    assert after["OK"] - before >= REQUESTS
    client, of_server = printed.split("Server:")
    assert number(r"Request count: (\d+)", client) == REQUESTS
    answered = number(r"Successful request count: (\d+)", of_server)
    assert answered >= REQUESTS
    assert number(r"Inference count: (\d+)", of_server) == answered * len(pictures)
    parts = r"overhead -?\d+ usec \+ queue \d+ usec \+ compute input (\d+) usec \+ compute infer (\d+) usec \+ compute output \d+"
    found = re.search(parts, of_server)
    assert found, printed
    assert int(found[1]) > 0, "pictures are decoded in no time"
    assert int(found[2]) > int(found[1]), "the model takes longer than the decoder"


def test_it_measures_a_stream(server: Server, tmp_path: Path) -> None:
    printed = measure(server, tmp_path, ["leather/good_0.jpg"], "--streaming", "--async")

    assert number(r"Request count: (\d+)", printed.split("Server:")[0]) == REQUESTS
    assert number(r"Successful request count: (\d+)", printed) >= REQUESTS
    assert set(calls(server, "ModelStreamInfer")) <= {"OK", "CANCELLED"}

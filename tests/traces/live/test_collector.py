"""What a real OpenTelemetry Collector writes down of what a real server sends. Needs the built programs, and COLLECTOR
(scripts/traces.sh test)."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from bayespfl.inspection.v1 import inspection_pb2, inspection_pb2_grpc
from monitoring import PICTURES, ROOT, Process, Server, get, wait_for
from ports import free_port

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS_SPAN = "00f067aa0ba902b7"
TRACED = f"00-{TRACE_ID}-{CALLERS_SPAN}-01"
INSPECT = "bayespfl.inspection.v1.InspectionService/Inspect"
STREAM = "bayespfl.inspection.v1.InspectionService/InspectStream"
SERVER = 2  # SpanKind
STAGES = ["admission", "queue", "decode", "queue", "execute", "queue", "render", "reply"]

Span = dict[str, Any]


class Collector(Process):
    """Takes OTLP over HTTP on the loopback; `tls` names a certificate and its key."""

    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.file = folder / "traces.jsonl"
        self.scheme = "https" if tls else "http"
        http: dict[str, Any] = {"endpoint": f"127.0.0.1:{self.port}"}
        if tls:
            http["tls"] = {"cert_file": str(tls[0]), "key_file": str(tls[1])}
        configuration = {
            "receivers": {"otlp": {"protocols": {"http": http}}},
            "exporters": {"file": {"path": str(self.file), "flush_interval": "100ms", "append": True}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
            },
        }
        (folder / "collector.yaml").write_text(json.dumps(configuration))
        super().__init__(
            folder / "collector.log", os.environ["COLLECTOR"], "--config", f"file:{folder / 'collector.yaml'}"
        )
        wait_for("the collector is ready", self._ready, 60)

    def _ready(self) -> bool:
        assert self.running(), self.log.read_text()[-3000:]
        return "Everything is ready" in self.log.read_text()

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    def messages(self) -> list[dict[str, Any]]:
        """The resources with their spans, of every message so far."""
        if not self.file.exists():
            return []
        # The last line may be on its way.
        lines = [line for line in self.file.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [resource for line in lines for resource in json.loads(line)["resourceSpans"]]

    def spans(self, name: str = "") -> list[Span]:
        return [
            span
            for resource in self.messages()
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
            if not name or span["name"] == name
        ]

    def wait_for_spans(self, name: str, count: int = 1) -> list[Span]:
        wait_for(f"{count} spans {name}", lambda: len(self.spans(name)) >= count, 60)
        return self.spans(name)

    def children(self, parent: Span) -> list[Span]:
        return [span for span in self.spans() if span.get("parentSpanId") == parent["spanId"]]


def attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in holder.get("attributes", [])}


def inspect(server: Server, category: str, picture: bytes, traceparent: str = "") -> tuple[str, str]:
    """The code of the call, and the traceparent that came back."""
    request = inspection_pb2.InspectRequest()
    request.image.encoded = picture
    request.options.category = category
    request.metadata.camera_id = "camera 1"
    metadata = (("traceparent", traceparent),) if traceparent else ()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        make_stub: Any = inspection_pb2_grpc.InspectionServiceStub  # generated, without types
        stub = make_stub(channel)
        _, call = _outcome(stub.Inspect, request, metadata)
        return call.code().name, dict(call.initial_metadata())["traceparent"]


def _outcome(method: Any, request: Any, metadata: Any) -> tuple[Any, Any]:
    try:
        answer, call = method.with_call(request, metadata=metadata, timeout=60)
    except grpc.RpcError as error:
        return None, error
    return answer, call


def picture() -> bytes:
    return (PICTURES / "leather" / "good_0.jpg").read_bytes()


def assert_children_inside(collector: Collector, parent: Span) -> None:
    for child in collector.children(parent):
        assert child["traceId"] == parent["traceId"]
        assert int(parent["startTimeUnixNano"]) <= int(child["startTimeUnixNano"]) <= int(child["endTimeUnixNano"])
        assert int(child["endTimeUnixNano"]) <= int(parent["endTimeUnixNano"])


@pytest.fixture(name="collector")
def _collector(tmp_path: Path) -> Iterator[Collector]:
    with Collector(tmp_path / "collector") as collector:
        yield collector


def test_a_frame_with_a_traceparent_is_a_tree_of_its_stages(tmp_path: Path, collector: Collector) -> None:
    before = time.time_ns()
    settings: dict[str, Any] = {
        "otlp_endpoint": collector.endpoint,
        "trace_sample_ratio": 0,
        "trace_service_name": "line 3",
    }
    with Server(tmp_path / "server", **settings) as server:
        code, told = inspect(server, "leather", picture(), TRACED)
        assert code == "OK"

        (root,) = collector.wait_for_spans(INSPECT)

    assert root["traceId"] == TRACE_ID
    assert root["parentSpanId"] == CALLERS_SPAN
    assert root["kind"] == SERVER
    assert told == f"00-{TRACE_ID}-{root['spanId']}-01", "the caller was told another span"
    assert [span["name"] for span in collector.children(root)] == STAGES
    assert_children_inside(collector, root)
    assert before < int(root["startTimeUnixNano"]) < int(root["endTimeUnixNano"]) < time.time_ns()
    found = attributes(root)
    assert found["rpc.system"] == "grpc"
    assert found["rpc.grpc.status_code"] == "0"
    assert found["bayespfl.category"] == "leather"
    assert found["bayespfl.camera_id"] == "camera 1"
    assert found["bayespfl.verdict"] == "PASS"
    assert 0 <= found["bayespfl.score"] <= 1
    resource = attributes(collector.messages()[0]["resource"])
    assert resource["service.name"] == "line 3"
    assert resource["service.version"] and resource["service.instance.id"] and resource["host.name"]


def tree(collector: Collector, span: Span, depth: int = 0) -> list[str]:
    """A line for each span, in milliseconds since the first one's start, as docs/monitoring.md shows it."""
    start = min(int(each["startTimeUnixNano"]) for each in collector.spans())
    first, last = ((int(span[f"{end}TimeUnixNano"]) - start) / 1e6 for end in ("start", "end"))
    shown = {key.removeprefix("bayespfl."): value for key, value in attributes(span).items()}
    notes = " ".join(f"{key}={shown[key]}" for key in ("queue", "batch_size", "category", "verdict") if key in shown)
    line = f"{'  ' * depth + span['name']:52} {first:8.2f} .. {last:8.2f} ms  {notes}".rstrip()
    return [line] + [below for child in collector.children(span) for below in tree(collector, child, depth + 1)]


def test_the_tree_is_that_of_the_page(tmp_path: Path, collector: Collector) -> None:
    page = (ROOT / "docs/monitoring.md").read_text()
    shown = re.search(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown
    with Server(tmp_path / "server", otlp_endpoint=collector.endpoint, trace_sample_ratio=1) as server:
        inspect(server, "leather", picture())
        (root,) = collector.wait_for_spans(INSPECT)
        lines = tree(collector, root)
    print("\n".join(lines))

    def without_times(text: str) -> str:
        return re.sub(r" +[0-9.]+ \.\. +[0-9.]+ ms", "", text)

    assert [without_times(line) for line in lines] == [without_times(line) for line in shown[1].splitlines()]


def test_an_error_is_sent_at_a_ratio_of_nothing(tmp_path: Path, collector: Collector) -> None:
    with Server(tmp_path / "server", otlp_endpoint=collector.endpoint, trace_sample_ratio=0) as server:
        assert inspect(server, "leather", b"no picture")[0] == "INVALID_ARGUMENT"

        (root,) = collector.wait_for_spans(INSPECT)

    assert root["status"]["code"] == 2
    assert attributes(root)["error.type"] == "INVALID_PICTURE"
    assert [span["name"] for span in collector.children(root)] == ["admission", "queue", "decode", "reply"]


def test_the_client_programs_stream_is_one_trace(tmp_path: Path, collector: Collector) -> None:
    with Server(tmp_path / "server", otlp_endpoint=collector.endpoint, trace_sample_ratio=1) as server:
        pictures = sorted((PICTURES / "leather").glob("*.jpg"))[:3]
        done = server.client("inspect", "--stream", "--category", "leather", *pictures)
        assert done.returncode in (0, 1), done.stderr  # 1: a FAIL among them

        (call,) = collector.wait_for_spans(STREAM)
        frames = collector.wait_for_spans(f"{STREAM} frame", 3)

    assert {frame["traceId"] for frame in frames} == {call["traceId"]}
    assert {frame["parentSpanId"] for frame in frames} == {call["spanId"]}
    assert len({frame["spanId"] for frame in frames}) == 3
    assert not call.get("parentSpanId"), "the client program begins no trace"
    assert_children_inside(collector, call)
    for frame in frames:
        assert [span["name"] for span in collector.children(frame)] == STAGES
        assert_children_inside(collector, frame)


def test_a_stop_sends_what_waits(tmp_path: Path, collector: Collector) -> None:
    with Server(tmp_path / "server", otlp_endpoint=collector.endpoint, trace_sample_ratio=1) as server:
        inspect(server, "leather", picture())
    # Its end was the server's: nothing is sent any more.

    assert len(collector.wait_for_spans(INSPECT)) == 1


def test_spans_wait_for_a_collector_that_is_away(tmp_path: Path) -> None:
    port = free_port()
    settings: dict[str, Any] = {"otlp_endpoint": f"http://127.0.0.1:{port}", "trace_sample_ratio": 1}
    with Server(tmp_path / "server", **settings) as server:
        assert inspect(server, "leather", picture())[0] == "OK"

        def failed() -> bool:
            return "bayespfl_trace_export_failures_total 0\n" not in get(f"http://{server.target}/metrics")

        wait_for("a try to send", failed, 30)
        with Collector(tmp_path / "collector", port=port) as collector:
            assert len(collector.wait_for_spans(INSPECT)) == 1


def test_over_tls_the_collector_must_be_who_it_says(tmp_path: Path) -> None:
    certificate, key = tmp_path / "collector.pem", tmp_path / "collector.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    assert ssl.create_default_context(cafile=certificate)
    with Collector(tmp_path / "collector", (certificate, key)) as collector:
        settings: dict[str, Any] = {"otlp_endpoint": collector.endpoint, "trace_sample_ratio": 1}
        with Server(tmp_path / "trusting", **settings, otlp_ca_file=str(certificate)) as server:
            inspect(server, "leather", picture())
            assert len(collector.wait_for_spans(INSPECT)) == 1
        with Server(tmp_path / "doubting", **settings) as server:
            inspect(server, "leather", picture())

            def failed() -> bool:
                return "bayespfl_trace_export_failures_total 0\n" not in get(f"http://{server.target}/metrics")

            wait_for("a try to send", failed, 30)
        assert len(collector.spans(INSPECT)) == 1

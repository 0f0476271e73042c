"""What must hold beside every other package: import, inspect, stream, the details of errors, and no clash of messages."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

import bayespfl
from bayespfl.testing import RunningServer

pytestmark = [pytest.mark.smoke, pytest.mark.server]


def have(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def test_inspects_streams_and_reads_errors(bayespfl_server: RunningServer, scratch: Path) -> None:
    with bayespfl.Inspector(bayespfl_server.target) as inspector:
        assert inspector.health() is bayespfl.HealthState.SERVING
        result = inspector.inspect(scratch, "leather", anomaly_map="png16", inspected_picture=True)
        assert result.verdict is bayespfl.Verdict.FAIL
        assert result.inspected_pixels().shape == (result.height, result.width, 3)
        outcomes = list(inspector.stream([scratch, b"no picture", scratch], "leather"))
        assert [outcome.ok for outcome in outcomes] == [True, False, True]
        assert isinstance(outcomes[1].error, bayespfl.InvalidPictureError)
        with pytest.raises(bayespfl.InvalidFieldError) as caught:
            inspector.inspect(scratch, "leather", samples=65)
        assert caught.value.violations[0].field == "options.samples"


def test_the_asynchronous_client(bayespfl_server: RunningServer, scratch: Path) -> None:
    async def use() -> None:
        async with bayespfl.AsyncInspector(bayespfl_server.target) as inspector:
            assert (await inspector.inspect(scratch, "leather")).verdict is bayespfl.Verdict.FAIL
            assert [outcome.ok async for outcome in inspector.stream([scratch] * 2, "leather")] == [True, True]

    asyncio.run(use())


@pytest.mark.skipif(not have("tritonclient"), reason="tritonclient is not in this environment")
def test_beside_tritonclient_in_one_process(bayespfl_server: RunningServer, scratch: Path) -> None:
    import tritonclient.grpc  # type: ignore[import-not-found]

    triton = tritonclient.grpc.InferenceServerClient(bayespfl_server.target)

    assert triton.is_server_ready()
    with bayespfl.Inspector(bayespfl_server.target) as inspector:
        assert inspector.inspect(scratch, "leather").verdict is bayespfl.Verdict.FAIL
    assert triton.is_model_ready("bayespfl-demo")


@pytest.mark.skipif(not have("google.rpc"), reason="googleapis-common-protos is not in this environment")
def test_beside_googles_stubs_in_one_process(bayespfl_server: RunningServer, scratch: Path) -> None:
    import grpc
    from google.protobuf import any_pb2
    from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-not-found]

    with bayespfl.Inspector(bayespfl_server.target) as inspector:
        with pytest.raises(bayespfl.InvalidFieldError) as caught:
            inspector.inspect(scratch, "leather", samples=65)
        error = caught.value.__cause__
        assert isinstance(error, grpc.RpcError)
        call: Any = error
        trailing = dict(call.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    names = {detail.type_url.rpartition("/")[2] for detail in status.details}
    assert {"google.rpc.ErrorInfo", "bayespfl.inspection.v1.FrameError"} <= names
    assert any_pb2.Any(type_url="x").type_url == "x"
    assert error_details_pb2.RetryInfo() is not None


def test_brings_nothing_that_others_bring() -> None:
    """Files of google.rpc, KServe or grpc.health in the registry of messages would clash with other packages' own."""
    package = Path(bayespfl.__file__).parent
    sources = list(package.rglob("*_pb2.py"))
    assert sources
    assert all(file.relative_to(package).parts[0] in ("inspection", "admin") for file in sources)
    text = "".join(file.read_text() for file in sources)
    assert "google/rpc" not in text
    assert "grpc.health" not in text
    assert "GRPCInferenceService" not in text

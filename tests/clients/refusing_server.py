"""A server that answers every inspection with one status, without a word of its own (`FrameError`): what comes from a
proxy, a mesh, or a server of another kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc

SERVICE = "/bayespfl.inspection.v1.InspectionService/"
LIMIT = 65 * 1024 * 1024


def _varint(value: int) -> bytes:
    low = bytes([value & 0x7F | (0x80 if value > 0x7F else 0)])
    return low + (_varint(value >> 7) if value > 0x7F else b"")


# GetServerInfoResponse with limits.max_message_bytes alone, so that clients learn that somebody is there.
_LIMITS = b"\x08" + _varint(LIMIT)
INFO = b"\x12" + bytes([len(_LIMITS)]) + _LIMITS


class RefusingServer(grpc.GenericRpcHandler):
    """Listens on a free port of 127.0.0.1. Health checks get UNIMPLEMENTED, which clients take for healthy. A stream is
    refused at its first message, which opens it: whether a frame was sent by then is up to chance."""

    def __init__(self, code: grpc.StatusCode, *, tells_its_limits: bool) -> None:
        self._code = code
        self._tells_its_limits = tells_its_limits
        self._refusals = itertools.count()
        self._server = grpc.server(ThreadPoolExecutor(32), handlers=[self])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = details.method.removeprefix(SERVICE)
        if method == details.method:
            return None
        if method == "InspectStream":
            return grpc.stream_stream_rpc_method_handler(self._refuse_stream)
        if method == "GetServerInfo" and self._tells_its_limits:
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: INFO)
        return grpc.unary_unary_rpc_method_handler(self._refuse)

    def refusals(self) -> int:
        """How many calls were refused; to be asked once, at the end."""
        return next(self._refusals)

    def _refuse(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        next(self._refusals)
        context.abort(self._code, "refused on purpose")
        raise AssertionError("abort raises")

    def _refuse_stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
        next(requests, None)
        next(self._refusals)
        context.abort(self._code, "refused on purpose")
        yield b""

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(grace=None).wait(10)

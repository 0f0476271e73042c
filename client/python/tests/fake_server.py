"""A server of the contract inside the test's process, that does what the test wants."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc

from bayespfl.inspection.v1 import error_pb2, inspection_pb2, inspection_pb2_grpc, verdict_pb2

MIB = 1 << 20
Frames = Iterator[inspection_pb2.InspectStreamRequest]
Replies = Iterator[inspection_pb2.InspectStreamResponse]


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def status_details(error: error_pb2.FrameError) -> bytes:
    """A google.rpc.Status with the error among its details, beside one that nobody here knows."""
    other = _field(1, b"type.googleapis.com/google.rpc.ErrorInfo") + _field(2, b"\x0a\x01x")
    ours = _field(1, b"type.googleapis.com/bayespfl.inspection.v1.FrameError") + _field(2, error.SerializeToString())
    return bytes([0x08, error.code]) + _field(2, error.message.encode()) + _field(3, other) + _field(3, ours)


def frame_error(
    code: grpc.StatusCode, reason: str, message: str = "as the test wants it", delay: float | None = None
) -> error_pb2.FrameError:
    """A FrameError with this reason ("QUEUE_FULL")."""
    error = error_pb2.FrameError(code=code.value[0], reason=f"ERROR_REASON_{reason}", message=message)
    if delay is not None:
        error.retry_delay.FromMilliseconds(int(delay * 1000))
    return error


BUSY = grpc.StatusCode.RESOURCE_EXHAUSTED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def refuse(context: grpc.ServicerContext, error: error_pb2.FrameError) -> Any:
    """Ends the call as the server does, with the error in its details."""
    context.set_trailing_metadata((("grpc-status-details-bin", status_details(error)),))
    context.abort({code.value[0]: code for code in grpc.StatusCode}[error.code], error.message)


def answer(image: Any, metadata: inspection_pb2.FrameMetadata, score: float = 0.25) -> inspection_pb2.InspectResponse:
    """A PASS of this picture; of b"dark" without significant bits, with a warning."""
    reply = inspection_pb2.InspectResponse(verdict=verdict_pb2.VERDICT_PASS, score=score, category="leather")
    reply.metadata.CopyFrom(metadata)
    data = image.raw.data if image.HasField("raw") else image.encoded
    if data == b"dark" and not image.significant_bits:
        shallow = inspection_pb2.WARNING_REASON_SHALLOW_SAMPLES
        reply.warnings.append(inspection_pb2.PictureWarning(reason=shallow, message="it fills 12 bits"))
    reply.provenance.picture_sha256 = hashlib.sha256(data).hexdigest()
    return reply


def frame_reply(
    frame: inspection_pb2.StreamFrame, sequence: int, error: error_pb2.FrameError | None = None
) -> inspection_pb2.InspectStreamResponse:
    """The reply to a frame of a stream."""
    reply = inspection_pb2.InspectStreamResponse(sequence=sequence)
    reply.metadata.CopyFrom(frame.metadata)
    if error is not None:
        reply.error.CopyFrom(error)
    else:
        reply.result.CopyFrom(answer(frame.image, frame.metadata))
    return reply


class _Service(inspection_pb2_grpc.InspectionServiceServicer):
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def Inspect(self, request: Any, context: Any) -> Any:
        self._server.requests.append(request)
        self._server.contexts.append(dict(context.invocation_metadata()))
        return self._server.on_inspect(request, context)

    def InspectStream(self, request_iterator: Any, context: Any) -> Any:
        with self._server.lock:
            self._server.streams += 1
            number = self._server.streams
        first = next(request_iterator)
        assert first.HasField("configuration")
        self._server.configurations.append(first.configuration)

        def frames() -> Iterator[inspection_pb2.StreamFrame]:
            for message in request_iterator:
                self._server.frames.append(message.frame)
                yield message.frame

        yield from self._server.on_stream(number, frames(), context)

    def GetServerInfo(self, request: Any, context: Any) -> Any:
        self._server.asked += 1
        return self._server.on_info(context)


def own_address() -> str:
    """One of the loopback's sixteen million, so that nobody else takes a port of it while its server is away."""
    return ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])


class FakeServer:
    """Serves on a free port from the moment it is made; `stop` and `start` again as needed, on the same port."""

    def __init__(self) -> None:
        self.host = own_address()
        self.lock = threading.Lock()
        self.requests: list[inspection_pb2.InspectRequest] = []
        self.contexts: list[dict[str, Any]] = []
        self.frames: list[inspection_pb2.StreamFrame] = []
        self.configurations: list[inspection_pb2.StreamConfiguration] = []
        self.streams = 0
        self.asked = 0
        self.max_message_bytes = 65 * MIB
        self.healthy = True
        self.on_inspect: Callable[[Any, Any], Any] = lambda request, context: answer(request.image, request.metadata)
        self.on_stream: Callable[[int, Iterator[inspection_pb2.StreamFrame], Any], Replies] = self.answer_all
        self.on_info: Callable[[Any], inspection_pb2.GetServerInfoResponse] = self.info
        self._server: grpc.Server | None = None
        self.port = 0
        self.start()

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    def info(self, context: Any = None) -> inspection_pb2.GetServerInfoResponse:
        reply = inspection_pb2.GetServerInfoResponse(version="fake")
        reply.limits.max_message_bytes = self.max_message_bytes
        return reply

    @staticmethod
    def answer_all(number: int, frames: Iterator[inspection_pb2.StreamFrame], context: Any) -> Replies:
        for sequence, frame in enumerate(frames):
            yield frame_reply(frame, sequence)

    def _watch(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield b"\x08\x01" if self.healthy else b"\x08\x02"
        done = threading.Event()
        # Nobody is told of a call that has ended already: a thread that waited would keep the program from ending.
        if context.add_callback(done.set):
            done.wait()

    def start(self) -> None:
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", self.max_message_bytes)]
        self._server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
        inspection_pb2_grpc.add_InspectionServiceServicer_to_server(_Service(self), self._server)  # type: ignore[no-untyped-call]
        health: dict[str, Any] = {
            "Check": grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x08\x01" if self.healthy else b"\x08\x02"),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
        }  # fmt: skip
        handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", health)
        self._server.add_generic_rpc_handlers((handler,))
        self.port = self._server.add_insecure_port(self.target)
        assert self.port != 0
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

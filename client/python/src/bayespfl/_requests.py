"""What both kinds of client send, and how they read what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from google.protobuf import duration_pb2

from bayespfl._call_errors import with_attempts
from bayespfl._frames import Frame, Prepared, as_options, check_reply, new_frame_id, prepare_frame, too_large
from bayespfl._from_messages import to_result
from bayespfl._ledger import Entry
from bayespfl._options import Options, to_message
from bayespfl._pictures import Picture
from bayespfl._settings import Settings
from bayespfl.errors import InspectionError, ReplyError, input_error
from bayespfl.inspection.v1 import inspection_pb2
from bayespfl.results import Result

Flow = Literal["block", "latest"]
_FLOWS = {"block": inspection_pb2.FLOW_POLICY_BLOCK, "latest": inspection_pb2.FLOW_POLICY_LATEST}
_MOST_IN_FLIGHT = 1024
_ROOM = 32  # bytes that a stream's frame grows by when attempt and timeout are filled in, at most


@dataclass(frozen=True)
class UnaryJob:
    """One picture to inspect: the request but for its attempt, and what the reply must say."""

    request: inspection_pb2.InspectRequest
    frame_id: str
    sha256: str
    size: int  # bytes on the wire, at most

    def attempt(self, before: int) -> inspection_pb2.InspectRequest:
        """The request of an attempt; `before`: how often it was sent."""
        self.request.metadata.attempt = before
        return self.request

    def result(self, reply: inspection_pb2.InspectResponse, request_id: str, attempts: int) -> Result:
        """The checked reply; ReplyError when it is not of this frame, or cannot be read."""
        try:
            check_reply(reply, self.frame_id, self.sha256, request_id)
            return to_result(reply, request_id=request_id)
        except ReplyError as error:
            raise with_attempts(error, attempts=attempts) from error


def unary_job(frame: Frame, settings: Settings) -> UnaryJob:
    """Reads and converts the picture. InputError, or MessageTooLargeError by this client's own limit."""
    prepared = prepare_frame(frame, category=None, pixel_format=None, inherits=False)
    request = inspection_pb2.InspectRequest(image=prepared.image, metadata=prepared.metadata, options=prepared.options)
    size = request.ByteSize() + _ROOM
    _check_own_limit(size, settings, prepared.frame_id)
    return UnaryJob(request, prepared.frame_id, prepared.sha256, size)


def _check_own_limit(size: int, settings: Settings, frame_id: str) -> None:
    if size > settings.max_message_bytes:
        raise too_large(size, settings.max_message_bytes, "this client's limit (max_message_bytes)", frame_id)


def check_timeout(timeout: float | None, settings: Settings) -> float:
    """The client's own where none is given; InputError for one that is none."""
    if timeout is None:
        return settings.timeout
    if not 0 < timeout <= 1e9:
        raise input_error(f"timeout is {timeout!r}; it must be a number of seconds above 0")
    return timeout


@dataclass(frozen=True)
class StreamJob:
    """What holds for a whole stream."""

    category: str | None
    options: Options
    pixel_format: str | None
    max_in_flight: int
    timeout: float
    flow: Flow
    configuration: inspection_pb2.InspectStreamRequest

    def entry(
        self, given: Frame | Picture, sequence: int, now: float, settings: Settings
    ) -> tuple[Entry, InspectionError | None]:
        """A frame for the ledger, and why it cannot be sent, if it cannot: then it has no message. Reads the picture."""
        frame = given if isinstance(given, Frame) else Frame(given)
        message = inspection_pb2.InspectStreamRequest()
        frame_id, sha256 = frame.frame_id or new_frame_id(), ""
        timeout = self.timeout
        problem: InspectionError | None = None
        try:
            timeout = check_timeout(frame.timeout, settings) if frame.timeout is not None else self.timeout
            prepared: Prepared = prepare_frame(frame, category=None, pixel_format=self.pixel_format, inherits=True)
            frame_id, sha256 = prepared.frame_id, prepared.sha256
            message.frame.image.CopyFrom(prepared.image)
            message.frame.metadata.CopyFrom(prepared.metadata)
            message.frame.options.CopyFrom(prepared.options)
            _check_own_limit(message.ByteSize() + _ROOM, settings, frame_id)
        except InspectionError as error:
            problem = error
        entry = Entry(
            given=given,
            sequence=sequence,
            frame_id=frame_id,
            sha256=sha256,
            message=message,
            taken_at=now,
            deadline=now + timeout,
            size=message.ByteSize() + _ROOM,
        )
        return entry, problem


def outgoing(entry: Entry, now: float) -> inspection_pb2.InspectStreamRequest:
    """The entry's message for the attempt that begins now, with the time that is left."""
    message = entry.message
    if not message.HasField("frame"):  # its time ran out while it waited to be written, on a call that is cancelled
        return message
    message.frame.metadata.attempt = entry.attempts - 1
    nanoseconds = max(1_000_000, int((entry.deadline - now) * 1e9))
    message.frame.timeout.CopyFrom(duration_pb2.Duration(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9))
    return message


def stream_job(
    settings: Settings,
    category: str | None,
    fields: dict[str, object],
    *,
    pixel_format: str | None,
    max_in_flight: int,
    timeout: float | None,
    flow: Flow,
) -> StreamJob:
    """A checked job; InputError, with a sentence, for options that there cannot be."""
    if not isinstance(max_in_flight, int) or not 1 <= max_in_flight <= _MOST_IN_FLIGHT:
        raise input_error(f"max_in_flight is {max_in_flight!r}; it must be 1..{_MOST_IN_FLIGHT}")
    if flow not in _FLOWS:
        raise input_error(f"flow is {flow!r}; it may be {', '.join(map(repr, _FLOWS))}")
    options = as_options(fields)
    configuration = inspection_pb2.InspectStreamRequest()
    try:
        configuration.configuration.options.CopyFrom(to_message(options, category))
    except (ValueError, TypeError) as error:
        raise input_error(str(error)) from error
    configuration.configuration.flow_policy = _FLOWS[flow]
    return StreamJob(
        category=category,
        options=options,
        pixel_format=pixel_format,
        max_in_flight=max_in_flight,
        timeout=check_timeout(timeout, settings),
        flow=flow,
        configuration=configuration,
    )

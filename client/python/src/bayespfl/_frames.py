"""Frames on their way out and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc

from bayespfl._options import Options, to_message
from bayespfl._pictures import Picture, ask_to_turn_upright, prepare
from bayespfl.errors import ErrorDetails, ErrorReason, InspectionError, ReplyError, input_error, make_error
from bayespfl.inspection.v1 import inspection_pb2
from bayespfl.results import Result


class SkippedError(InspectionError):
    """What `Outcome.result` raises for a frame that gave way to younger ones."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of a stream, with what is different from the stream's options, and where it comes from."""

    image: Picture
    category: str | None = None  # None: the stream's
    _: KW_ONLY
    frame_id: str | None = None  # unique, at most 128 bytes; None: one is made
    camera_id: str = ""
    part_id: str = ""
    capture_time: datetime | None = None  # without a time zone: local time
    options: Options = field(default_factory=Options)
    pixel_format: str | None = None  # of an array; None: the stream's
    significant_bits: int = 0  # of 16-bit arrays and files, 9..16; 0: all
    apply_orientation: bool = False  # turn a file upright as its EXIF data says
    timeout: float | None = None  # seconds from when the stream takes it; None: the client's
    tag: Any = None  # your own; comes back with the outcome


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one frame of a stream: a result, an error, or it was skipped."""

    frame: Frame | Picture  # as it was given
    sequence: int  # number of the frame in its stream, from 0
    frame_id: str
    attempts: int  # how often it was sent
    latency: float  # seconds from when the stream took it to its outcome
    error: InspectionError | None  # None: a result, or skipped
    skipped: bool  # it gave way to younger ones (flow="latest")
    _result: Result | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self._result is not None

    @property
    def result(self) -> Result:
        """The result; raises the frame's error when there is none."""
        if self._result is not None:
            return self._result
        if self.error is not None:
            raise self.error
        details = ErrorDetails(grpc.StatusCode.ABORTED, frame_id=self.frame_id, attempts=self.attempts)
        raise SkippedError("the frame was not inspected, because younger ones came", details)

    @property
    def tag(self) -> Any:
        """The frame's own `tag`; None when a bare picture was given."""
        return self.frame.tag if isinstance(self.frame, Frame) else None


@dataclass(frozen=True)
class Prepared:
    """A frame's message without attempt and time, and what its reply must say."""

    frame_id: str
    sha256: str
    image: Any  # picture_pb2.Image
    metadata: inspection_pb2.FrameMetadata
    options: inspection_pb2.InspectOptions


def new_frame_id() -> str:
    """Unique also among the frames of other programs: result logs are searched for it."""
    return uuid.uuid4().hex


def _metadata(frame: Frame, frame_id: str) -> inspection_pb2.FrameMetadata:
    message = inspection_pb2.FrameMetadata(frame_id=frame_id, camera_id=frame.camera_id, part_id=frame.part_id)
    if frame.capture_time is not None:
        if not isinstance(frame.capture_time, datetime):
            raise TypeError(f"capture_time is {frame.capture_time!r}; it must be a datetime")
        message.capture_time.FromDatetime(frame.capture_time.astimezone(UTC).replace(tzinfo=None))
    return message


def prepare_frame(frame: Frame, *, category: str | None, pixel_format: str | None, inherits: bool) -> Prepared:
    """Reads, converts and hashes the frame's picture. InputError, with the frame's id, for what cannot be sent.

    `category`, `pixel_format`: those of the stream or call. `inherits`: the stream's options stand in its configuration.
    """
    frame_id = frame.frame_id if frame.frame_id is not None else new_frame_id()
    try:
        of_array = getattr(frame.image, "dtype", None) is not None
        wanted = frame.pixel_format or (pixel_format if of_array else None)
        picture = prepare(frame.image, pixel_format=wanted, significant_bits=frame.significant_bits)
        if frame.apply_orientation:
            ask_to_turn_upright(picture, frame.image)
        return Prepared(
            frame_id=frame_id,
            sha256=picture.sha256,
            image=picture.message,
            metadata=_metadata(frame, frame_id),
            options=to_message(
                frame.options, frame.category if frame.category is not None else category, inherits=inherits
            ),
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise input_error(str(error), frame_id=frame_id) from error


def as_options(fields: Mapping[str, Any]) -> Options:
    """Options of keyword arguments; TypeError, as any call with unknown arguments, names the one that there is not."""
    return Options(**fields)


def reply_error(message: str, frame_id: str, request_id: str) -> ReplyError:
    """The reply is not of what was sent: something between damaged it, and another call may do better."""
    details = ErrorDetails(grpc.StatusCode.UNAVAILABLE, frame_id=frame_id, request_id=request_id)
    return ReplyError(message, details)


def check_reply(reply: inspection_pb2.InspectResponse, frame_id: str, sha256: str, request_id: str) -> None:
    """ReplyError unless the reply is of this frame and this picture."""
    if reply.metadata.frame_id != frame_id:
        raise reply_error(
            f"the reply is of the frame {reply.metadata.frame_id!r}, not of {frame_id!r}", frame_id, request_id
        )
    if reply.provenance.picture_sha256 != sha256:
        raise reply_error(
            f"the server saw a picture with the SHA-256 {reply.provenance.picture_sha256 or '(none)'}; the one that was "
            f"sent has {sha256}",
            frame_id,
            request_id,
        )


def too_large(size: int, limit: int, whose: str, frame_id: str) -> InspectionError:
    """A message that is over a limit, with both numbers."""
    details = ErrorDetails(grpc.StatusCode.RESOURCE_EXHAUSTED, ErrorReason.MESSAGE_TOO_LARGE, frame_id=frame_id)
    return make_error(f"the frame's message has {size} bytes; {whose} is {limit} bytes", details)

"""Why a frame, or a call, has no result.

Every error of this package is an :class:`InspectionError`; each reason of the contract has a class of its own below it:

    try:
        result = inspector.inspect("part.png", "metal nut")
    except bayespfl.BusyError as error:          # queue, bytes, streams or rate: the server is full
        time.sleep(error.retry_after or 1)
    except bayespfl.InvalidArgumentError as error:
        for violation in error.violations:
            print(violation.field, violation.description)

The client has sent a frame again where that is safe before it raises, so an error here is the last word within the
time that was given.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import grpc


class ErrorReason(enum.IntEnum):
    """The cause of an error, for programs; the numbers are those of the contract."""

    UNSPECIFIED = 0
    MALFORMED_MESSAGE = 1
    INVALID_FIELD = 2
    INVALID_PICTURE = 3
    PICTURE_TOO_LARGE = 4
    STREAM_PROTOCOL = 5
    MODEL_NOT_FOUND = 6
    QUEUE_FULL = 7
    BYTES_FULL = 8
    STREAMS_FULL = 9
    RATE_LIMITED = 10
    FRAME_TOO_LARGE = 11
    MESSAGE_TOO_LARGE = 12
    NOT_READY = 13
    DRAINING = 14
    NO_REPLICA = 15
    MAX_STREAM_AGE = 16
    DEADLINE_EXCEEDED = 17
    CANCELLED = 18
    DEVICE_FAILED = 19
    INTERNAL = 20
    UNAUTHENTICATED = 21
    PERMISSION_DENIED = 22
    DEVICE_HUNG = 23

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Violation:
    """A field with a value that it cannot have."""

    field: str  # path from the request: "options.samples", "image.raw.stride"
    description: str  # what is wrong with it, and what it may be


@dataclass(frozen=True)
class ErrorDetails:
    """What is known of an error besides its message."""

    code: grpc.StatusCode
    reason: ErrorReason | int = ErrorReason.UNSPECIFIED  # an int: a reason of a newer contract
    retry_after: float | None = None  # seconds, >= 0; None: waiting alone does not help
    violations: tuple[Violation, ...] = ()
    from_server: bool = False  # the server's own word (FrameError), not gRPC's or this client's
    request_id: str = ""  # of the call, "" before one was made; it stands in the server's log
    frame_id: str = ""  # of the frame, "" for calls without one
    attempts: int = 0  # how often the frame, or the call, was sent


class InspectionError(Exception):
    """The base of all errors of this package. Of a call that gRPC ended, `__cause__` is gRPC's own error, for those who need
    more of it. Safe to share between threads."""

    def __init__(self, message: str, details: ErrorDetails) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[type[InspectionError], tuple[str, ErrorDetails]]:
        """So that it can be copied, and pass from one process to another."""
        return type(self), (self.message, self.details)

    @property
    def code(self) -> grpc.StatusCode:
        """The status code of gRPC."""
        return self.details.code

    @property
    def reason(self) -> ErrorReason | int:
        """The cause; UNSPECIFIED when nobody said one, an int when this version does not know it."""
        return self.details.reason

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server wants to be left alone, or None: waiting alone does not help."""
        return self.details.retry_after

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The fields that have values that they cannot have; with INVALID_FIELD."""
        return self.details.violations

    @property
    def request_id(self) -> str:
        """The call's `x-request-id`, to be found in the server's log; "" when no call was made."""
        return self.details.request_id

    @property
    def frame_id(self) -> str:
        """The frame's id, or ""."""
        return self.details.frame_id

    @property
    def attempts(self) -> int:
        """How often the frame, or the call, was sent; 0: it never was."""
        return self.details.attempts

    def __str__(self) -> str:
        reason = self.reason.name if isinstance(self.reason, ErrorReason) else f"reason {self.reason}"
        name = self.code.name if self.reason == ErrorReason.UNSPECIFIED else reason
        text = f"{name}: {self.message}"
        for violation in self.violations:
            if violation.field not in self.message:
                text += f"; {violation.field}: {violation.description}"
        if self.retry_after is not None:
            text += f" (try again in {self.retry_after:g} s)"
        return text


class InputError(InspectionError, ValueError):
    """What was given cannot be sent: no such file, an array without a colour order, options out of range. Nothing was."""


class ReplyError(InspectionError):
    """The reply was damaged on its way, or is not of the frame that was sent."""


class UnreachableError(InspectionError):
    """UNAVAILABLE or broken off without a word of the server: nobody answers, or the connection broke."""


class InvalidArgumentError(InspectionError):
    """INVALID_ARGUMENT: sending it again does not help."""


class MalformedMessageError(InvalidArgumentError):
    """The message is damaged, or holds nothing."""


class InvalidFieldError(InvalidArgumentError):
    """A field has a value that it cannot have; see `violations`."""


class InvalidPictureError(InvalidArgumentError):
    """The picture is damaged, of an unsupported kind, or not of the size that was said."""


class PictureTooLargeError(InvalidArgumentError):
    """The picture is over a limit of the server, which the message names."""


class StreamProtocolError(InvalidArgumentError):
    """The stream's messages came in an order that there cannot be."""


class ModelNotFoundError(InspectionError):
    """No model of that name serves; the message lists those that do."""


class BusyError(InspectionError):
    """RESOURCE_EXHAUSTED, and it passes: see `retry_after`."""


class QueueFullError(BusyError):
    """All places for frames are taken."""


class BytesFullError(BusyError):
    """All places for pictures' bytes are taken."""


class StreamsFullError(BusyError):
    """As many streams as the server, or as this client, may have."""


class RateLimitedError(BusyError):
    """More frames a second than this client may send."""


class FrameTooLargeError(InspectionError):
    """The frame alone is too large for the device."""


class MessageTooLargeError(InspectionError):
    """The request is over the server's or this client's limit, or the reply over this client's; the message has both."""


class UnavailableError(InspectionError):
    """UNAVAILABLE, in the server's own words: safe to send again."""


class NotReadyError(UnavailableError):
    """No model is loaded yet."""


class DrainingError(UnavailableError):
    """The server stops; the frame was not inspected."""


class NoReplicaError(UnavailableError):
    """Every replica of the model is lost."""


class DeviceHungError(UnavailableError):
    """The server's device hangs; another server may do better."""


class MaxStreamAgeError(UnavailableError):
    """The stream has reached the server's `max_stream_age`."""


class DeadlineExceededError(InspectionError, TimeoutError):
    """The time ran out while the server, or the way to it, was at work."""


class CancelledError(InspectionError):
    """The call was given up."""


class DeviceFailedError(InspectionError):
    """The device failed, twice."""


class InternalError(InspectionError):
    """A fault of the server."""


class UnauthenticatedError(InspectionError):
    """No token, or an unknown one."""


class PermissionDeniedError(InspectionError):
    """The token's role may not do this."""


_BY_REASON: dict[int, type[InspectionError]] = {
    ErrorReason.MALFORMED_MESSAGE: MalformedMessageError,
    ErrorReason.INVALID_FIELD: InvalidFieldError,
    ErrorReason.INVALID_PICTURE: InvalidPictureError,
    ErrorReason.PICTURE_TOO_LARGE: PictureTooLargeError,
    ErrorReason.STREAM_PROTOCOL: StreamProtocolError,
    ErrorReason.MODEL_NOT_FOUND: ModelNotFoundError,
    ErrorReason.QUEUE_FULL: QueueFullError,
    ErrorReason.BYTES_FULL: BytesFullError,
    ErrorReason.STREAMS_FULL: StreamsFullError,
    ErrorReason.RATE_LIMITED: RateLimitedError,
    ErrorReason.FRAME_TOO_LARGE: FrameTooLargeError,
    ErrorReason.MESSAGE_TOO_LARGE: MessageTooLargeError,
    ErrorReason.NOT_READY: NotReadyError,
    ErrorReason.DRAINING: DrainingError,
    ErrorReason.NO_REPLICA: NoReplicaError,
    ErrorReason.MAX_STREAM_AGE: MaxStreamAgeError,
    ErrorReason.DEADLINE_EXCEEDED: DeadlineExceededError,
    ErrorReason.CANCELLED: CancelledError,
    ErrorReason.DEVICE_FAILED: DeviceFailedError,
    ErrorReason.INTERNAL: InternalError,
    ErrorReason.UNAUTHENTICATED: UnauthenticatedError,
    ErrorReason.PERMISSION_DENIED: PermissionDeniedError,
    ErrorReason.DEVICE_HUNG: DeviceHungError,
}

# What a code alone says, of an error whose reason is not known here.
_BY_CODE: dict[grpc.StatusCode, type[InspectionError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.CANCELLED: CancelledError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.INTERNAL: InternalError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
}


def error_class(details: ErrorDetails) -> type[InspectionError]:
    """The class for these details: the reason's, else the code's.

    Without the server's word UNAVAILABLE, INTERNAL, UNKNOWN and CANCELLED mean that the connection broke.
    """
    if details.reason in _BY_REASON and (details.from_server or details.reason != ErrorReason.CANCELLED):
        return _BY_REASON[details.reason]
    if not details.from_server and details.code in BROKEN_CONNECTION:
        return UnreachableError
    return _BY_CODE.get(details.code, InspectionError)


# Codes with which gRPC, and not the server, says that a connection broke.
BROKEN_CONNECTION = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)


def make_error(message: str, details: ErrorDetails) -> InspectionError:
    """The error of the fitting class."""
    return error_class(details)(message, details)


def given_up(why: BaseException) -> CancelledError:
    """Of a frame whose stream was ended on this side, and by no wish of its caller's."""
    details = ErrorDetails(grpc.StatusCode.CANCELLED, ErrorReason.CANCELLED)
    return CancelledError(f"the stream was given up: {why}", details)


def input_error(message: str, *, frame_id: str = "", field: str = "") -> InputError:
    """What the caller gave cannot be sent; `field` as the contract calls it, if it is one of its fields."""
    violations = (Violation(field, message),) if field else ()
    return InputError(message, ErrorDetails(grpc.StatusCode.INVALID_ARGUMENT, violations=violations, frame_id=frame_id))

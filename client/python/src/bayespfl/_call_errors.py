"""Errors of gRPC calls, and of frames, as :class:`InspectionError`.

A call's details (`grpc-status-details-bin`) are a `google.rpc.Status`. It is read as bare fields: this package brings no
stubs of google.rpc, which would clash with those of googleapis-common-protos in the same process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from bayespfl.errors import ErrorDetails, ErrorReason, InspectionError, Violation, make_error
from bayespfl.inspection.v1 import error_pb2

REQUEST_ID = "x-request-id"
_DETAILS = "grpc-status-details-bin"
_FRAME_ERROR = "/bayespfl.inspection.v1.FrameError"
_STATUS_DETAILS = 3  # of google.rpc.Status
_ANY_TYPE_URL = 1  # of google.protobuf.Any
_ANY_VALUE = 2

_CODES = {code.value[0]: code for code in grpc.StatusCode}

# What gRPC's own answers mean: they have no details.
_REASON_OF_CODE = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorReason.MESSAGE_TOO_LARGE,
    grpc.StatusCode.UNAUTHENTICATED: ErrorReason.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: ErrorReason.PERMISSION_DENIED,
    grpc.StatusCode.DEADLINE_EXCEEDED: ErrorReason.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED: ErrorReason.CANCELLED,
}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number that does not end")


def _bytes_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, value) of each length-delimited field of a protobuf message; ValueError when it is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire_type = key & 7
        if wire_type == 0:
            _, at = _varint(data, at)
        elif wire_type == 1:
            at += 8
        elif wire_type == 5:
            at += 4
        elif wire_type == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("a field that is longer than its message")
            yield key >> 3, data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire_type}")


def _frame_error(details: bytes) -> error_pb2.FrameError | None:
    """The FrameError among a call's details. Damaged details lose themselves, never code and message of the call."""
    try:
        for number, any_bytes in _bytes_fields(details):
            if number != _STATUS_DETAILS:
                continue
            fields = dict(_bytes_fields(any_bytes))
            url = fields.get(_ANY_TYPE_URL, b"").decode("utf-8", "replace")
            if url.endswith(_FRAME_ERROR):
                return error_pb2.FrameError.FromString(fields.get(_ANY_VALUE, b""))
    except (ValueError, DecodeError):
        return None
    return None


def _reason(number: int) -> ErrorReason | int:
    try:
        return ErrorReason(number)
    except ValueError:
        return number


def _server_details(error: error_pb2.FrameError, code: grpc.StatusCode) -> ErrorDetails:
    delay = None
    if error.HasField("retry_delay"):
        delay = max(0.0, error.retry_delay.seconds + error.retry_delay.nanos / 1e9)
    return ErrorDetails(
        code=code,
        reason=_reason(error.reason),
        retry_after=delay,
        violations=tuple(Violation(v.field, v.description) for v in error.violations),
        from_server=True,
    )


def from_frame_error(
    error: error_pb2.FrameError, *, request_id: str = "", frame_id: str = "", attempts: int = 0
) -> InspectionError:
    """A frame's error. A code that there is not becomes UNKNOWN; an error with code 0 INTERNAL: the frame did fail."""
    code = _CODES.get(error.code, grpc.StatusCode.UNKNOWN)
    if code == grpc.StatusCode.OK:
        code = grpc.StatusCode.INTERNAL
    details = replace(_server_details(error, code), request_id=request_id, frame_id=frame_id, attempts=attempts)
    return make_error(error.message, details)


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")


def from_status(
    code: grpc.StatusCode,
    message: str,
    trailing: Iterable[Any],
    *,
    request_id: str = "",
    frame_id: str = "",
    attempts: int = 0,
) -> InspectionError:
    """A call's end that was not OK. `trailing`: its trailing metadata, pairs of key and value."""
    details = ErrorDetails(code, _REASON_OF_CODE.get(code, ErrorReason.UNSPECIFIED))
    for key, value in trailing:
        if key == _DETAILS and (error := _frame_error(_as_bytes(value))) is not None:
            details = _server_details(error, code)
    details = replace(details, request_id=request_id, frame_id=frame_id, attempts=attempts)
    return make_error(message or "the call ended without a message", details)


def from_rpc_error(error: Any, *, request_id: str = "", frame_id: str = "", attempts: int = 0) -> InspectionError:
    """What `grpc.RpcError` of a synchronous call, or `grpc.aio.AioRpcError`, says.

    `request_id` is the one that was sent; the server's initial metadata, when they came, have it as it was used.
    """
    trailing = error.trailing_metadata() or ()
    for key, value in error.initial_metadata() or ():
        if key == REQUEST_ID and isinstance(value, str):
            request_id = value
    return from_status(
        error.code(), error.details() or "", trailing, request_id=request_id, frame_id=frame_id, attempts=attempts
    )


def with_attempts(error: InspectionError, **known: Any) -> InspectionError:
    """The same error, with what is known now: `attempts`, `frame_id`, `request_id`."""
    return type(error)(error.message, replace(error.details, **known))


def exhausted(error: InspectionError, attempts: int, seconds: float) -> InspectionError:
    """The last attempt's error, when its time does not allow another one; the message says how long was tried."""
    times = "once" if attempts == 1 else f"{attempts} times"
    message = f"{error.message} (tried {times} within {seconds:.1f} s)"
    return type(error)(message, replace(error.details, attempts=attempts))

"""Errors: a class for each reason, and what is read from a call's details."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import grpc
import pytest
from fake_server import frame_error, status_details

import bayespfl
from bayespfl import ErrorReason
from bayespfl._call_errors import from_frame_error, from_status
from bayespfl.errors import _BY_REASON
from bayespfl.inspection.v1 import error_pb2

BUSY = grpc.StatusCode.RESOURCE_EXHAUSTED


def test_the_reasons_are_those_of_the_contract() -> None:
    contract = {name.removeprefix("ERROR_REASON_"): number for name, number in error_pb2.ErrorReason.items()}

    assert {reason.name: reason.value for reason in ErrorReason} == contract


def test_every_reason_has_a_class_of_its_own() -> None:
    assert set(_BY_REASON) == set(ErrorReason) - {ErrorReason.UNSPECIFIED}
    assert len(set(_BY_REASON.values())) == len(_BY_REASON)


def test_details_are_read_without_googles_stubs() -> None:
    sent = frame_error(BUSY, "QUEUE_FULL", "all are taken", delay=1.5)
    sent.violations.add(field="options.samples", description="is 65")

    error = from_status(BUSY, "all are taken", [("grpc-status-details-bin", status_details(sent))], request_id="r1")

    assert isinstance(error, bayespfl.QueueFullError)
    assert isinstance(error, bayespfl.BusyError)
    assert (error.retry_after, error.request_id, error.code) == (1.5, "r1", BUSY)
    assert error.violations == (bayespfl.Violation("options.samples", "is 65"),)
    assert str(error) == "QUEUE_FULL: all are taken; options.samples: is 65 (try again in 1.5 s)"


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_damaged_details_lose_details_and_never_the_code(cut: int) -> None:
    details = status_details(frame_error(BUSY, "QUEUE_FULL"))

    error = from_status(BUSY, "full", [("grpc-status-details-bin", details[: len(details) - 1 - cut])])

    assert error.code is BUSY
    assert error.message == "full"
    assert error.reason == ErrorReason.MESSAGE_TOO_LARGE


@pytest.mark.parametrize("details", [b"\xff" * 20, b"\x1a\xff\xff\xff\xff\x0f", b"\x1b", b"\x1a\x02\x0a\x05"])
def test_garbage_for_details_is_survived(details: bytes) -> None:
    assert from_status(BUSY, "full", [("grpc-status-details-bin", details)]).code is BUSY


def test_a_reason_of_a_newer_contract_keeps_its_number() -> None:
    error = from_frame_error(error_pb2.FrameError(code=14, reason=999, message="new"))  # type: ignore[arg-type]

    assert error.reason == 999
    assert isinstance(error, bayespfl.UnavailableError)
    assert str(error) == "reason 999: new"


@pytest.mark.parametrize(
    ("code", "expected"), [(0, "INTERNAL"), (99, "UNKNOWN"), (-1, "UNKNOWN"), (3, "INVALID_ARGUMENT")]
)
def test_codes_that_there_cannot_be(code: int, expected: str) -> None:
    assert from_frame_error(error_pb2.FrameError(code=code, message="x")).code.name == expected


def test_a_negative_delay_is_none_at_all() -> None:
    error = error_pb2.FrameError(code=8, reason=error_pb2.ERROR_REASON_QUEUE_FULL)
    error.retry_delay.seconds = -5

    assert from_frame_error(error).retry_after == 0.0


@pytest.mark.parametrize("copied", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_can_be_copied_and_pass_from_one_process_to_another(copied: Callable[[Exception], Exception]) -> None:
    error = from_frame_error(frame_error(BUSY, "QUEUE_FULL", delay=1.5), request_id="r1", frame_id="f", attempts=3)

    other = copied(error)

    assert isinstance(other, bayespfl.QueueFullError)
    assert (other.message, other.details) == (error.message, error.details)


def test_a_deadline_is_also_pythons_timeout_and_an_input_pythons_value() -> None:
    assert issubclass(bayespfl.DeadlineExceededError, TimeoutError)
    assert issubclass(bayespfl.InputError, ValueError)

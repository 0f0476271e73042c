"""When something is sent again, and how long that waits."""

from __future__ import annotations

import grpc
import pytest

import bayespfl
from bayespfl._connection import FirstContact
from bayespfl._retry import Backoff, CallRetry, ReopenDelay, Resend, resend
from bayespfl.errors import ErrorDetails, ErrorReason, InspectionError, make_error
from bayespfl.testing import make_error as server_error

# docs/clients.md, line by line.
EXPECTED = {
    ErrorReason.UNSPECIFIED: Resend.NEVER,
    ErrorReason.MALFORMED_MESSAGE: Resend.NEVER,
    ErrorReason.INVALID_FIELD: Resend.NEVER,
    ErrorReason.INVALID_PICTURE: Resend.NEVER,
    ErrorReason.PICTURE_TOO_LARGE: Resend.NEVER,
    ErrorReason.STREAM_PROTOCOL: Resend.NEVER,
    ErrorReason.MODEL_NOT_FOUND: Resend.NEVER,
    ErrorReason.QUEUE_FULL: Resend.YES,
    ErrorReason.BYTES_FULL: Resend.YES,
    ErrorReason.STREAMS_FULL: Resend.YES,
    ErrorReason.RATE_LIMITED: Resend.YES,
    ErrorReason.FRAME_TOO_LARGE: Resend.NEVER,
    ErrorReason.MESSAGE_TOO_LARGE: Resend.NEVER,
    ErrorReason.NOT_READY: Resend.YES,
    ErrorReason.DRAINING: Resend.YES,
    ErrorReason.NO_REPLICA: Resend.YES,
    ErrorReason.MAX_STREAM_AGE: Resend.YES,
    ErrorReason.DEADLINE_EXCEEDED: Resend.NEVER,
    ErrorReason.CANCELLED: Resend.NEVER,
    ErrorReason.DEVICE_FAILED: Resend.ONCE,
    ErrorReason.INTERNAL: Resend.NEVER,
    ErrorReason.UNAUTHENTICATED: Resend.NEVER,
    ErrorReason.PERMISSION_DENIED: Resend.NEVER,
    ErrorReason.DEVICE_HUNG: Resend.YES,
}


def said(code: grpc.StatusCode, reason: ErrorReason | int) -> InspectionError:
    return make_error("the server's word", ErrorDetails(code, reason, from_server=True))


@pytest.mark.parametrize("reason", list(ErrorReason))
def test_every_reason_is_decided(reason: ErrorReason) -> None:
    assert resend(said(grpc.StatusCode.INTERNAL, reason)) is EXPECTED[reason]


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_a_code_without_the_servers_word(code: grpc.StatusCode) -> None:
    broken = code.name in ("UNAVAILABLE", "INTERNAL", "UNKNOWN", "CANCELLED")
    error = make_error("gRPC's word", ErrorDetails(code))

    assert resend(error) is (Resend.YES if broken else Resend.NEVER)


def test_a_reason_of_a_newer_contract_is_taken_by_its_code() -> None:
    assert resend(said(grpc.StatusCode.UNAVAILABLE, 999)) is Resend.YES
    assert resend(said(grpc.StatusCode.INTERNAL, 999)) is Resend.NEVER


def test_delays_grow_up_to_five_seconds() -> None:
    backoff = Backoff(lambda low, high: 1.0)

    delays = [backoff.delay(None) for _ in range(14)]

    assert delays[:4] == pytest.approx([0.1, 0.15, 0.225, 0.3375])
    assert delays[-1] == delays[-2] == 5.0


def test_delays_are_spread_by_a_fifth_and_never_over_five_seconds() -> None:
    asked = []

    def highest(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    backoff = Backoff(highest)

    assert backoff.delay(None) == pytest.approx(0.12)
    assert asked == [(0.8, 1.2)]
    assert max(backoff.delay(None) for _ in range(20)) == 5.0


def test_the_servers_delay_is_the_least() -> None:
    backoff = Backoff(lambda low, high: 1.0)

    assert backoff.delay(7.0) == 7.0
    assert backoff.delay(0.01) == pytest.approx(0.15)


def test_the_first_reopening_after_a_streams_age_does_not_wait_and_the_next_does() -> None:
    delay = ReopenDelay(Backoff(lambda low, high: 1.0))
    aged = server_error(ErrorReason.MAX_STREAM_AGE)

    assert [delay.after(aged), delay.after(aged), delay.after(aged)] == pytest.approx([0, 0.1, 0.15])
    delay.replied()
    assert [delay.after(aged), delay.after(aged)] == pytest.approx([0, 0.1])


def test_a_stop_that_asks_for_a_delay_gets_it_also_at_once() -> None:
    delay = ReopenDelay(Backoff(lambda low, high: 1.0))
    draining = server_error(ErrorReason.DRAINING, retry_after=0.7)

    assert [delay.after(draining), delay.after(draining)] == [0.7, 0.7]


def test_a_call_ends_when_the_next_attempt_would_be_too_late() -> None:
    retry = CallRetry(started=100.0, timeout=1.0, backoff=Backoff(lambda low, high: 1.0))
    full = server_error(ErrorReason.QUEUE_FULL, retry_after=0.6)

    retry.begin()
    assert retry.after(full, now=100.2) == 0.6
    retry.begin()
    with pytest.raises(bayespfl.QueueFullError, match=r"tried 2 times within 0\.8 s"):
        retry.after(full, now=100.8)


@pytest.mark.parametrize(
    ("wait_for_ready", "reached", "gives_up"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_only_a_client_that_never_reached_a_server_gives_up_soon(
    wait_for_ready: bool, reached: bool, gives_up: bool
) -> None:
    settings = bayespfl.Inspector(connect_timeout=5, wait_for_ready=wait_for_ready)._settings
    contact = FirstContact(settings, 0.0, 60.0, Backoff(lambda low, high: 1.0), reached=reached)
    refused = make_error("connection refused", ErrorDetails(grpc.StatusCode.UNAVAILABLE))

    assert contact.after(refused, now=1.0) == pytest.approx(0.1)
    if gives_up:
        with pytest.raises(bayespfl.UnreachableError, match=r"within 5\.0 s: connection refused"):
            contact.after(refused, now=5.0)
    else:
        assert contact.after(refused, now=5.0) == pytest.approx(0.15)

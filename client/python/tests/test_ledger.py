"""The books of a stream, without a network and without waiting."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from fake_server import BUSY, UNAVAILABLE, frame_error, frame_reply

import bayespfl
from bayespfl._ledger import Entry, Ledger
from bayespfl._requests import stream_job
from bayespfl._retry import Backoff
from bayespfl.errors import ErrorDetails, ErrorReason, make_error
from bayespfl.testing import make_error as server_error

SETTINGS = bayespfl.Inspector()._settings
BROKEN = make_error("it broke", ErrorDetails(UNAVAILABLE))


class Line:
    """A ledger, frames for it, and a clock."""

    def __init__(self, count: int, timeout: float = 60) -> None:
        self.ledger = Ledger(lambda: Backoff(lambda low, high: 1.0))
        self.job = stream_job(
            SETTINGS, "leather", {}, pixel_format=None, max_in_flight=8, timeout=timeout, flow="block"
        )
        self.entries: list[Entry] = []
        self.answered = 0
        for i in range(count):
            entry, problem = self.job.entry(bayespfl.Frame(b"x%d" % i, frame_id=f"f{i}"), i, 0.0, SETTINGS)
            self.entries.append(entry)
            self.ledger.take(entry, problem, 0.0)

    def open(self, now: float) -> list[str]:
        """Opens a stream and sends what there is to send."""
        assert self.ledger.take_open(now)
        self.ledger.opened()
        self.answered = 0
        return self.send(now)

    def send(self, now: float) -> list[str]:
        sent = self.ledger.to_send(now, None)
        for entry in sent:
            entry.message.frame.metadata.attempt = entry.attempts - 1
        return [entry.frame_id for entry in sent]

    def answer(self, i: int, now: float, error: Any = None) -> None:
        self.ledger.replied(frame_reply(self.entries[i].message.frame, self.answered, error), "r", now)
        self.answered += 1

    def outcomes(self) -> list[tuple[str, bool, int]]:
        return [(outcome.frame_id, outcome.ok, outcome.attempts) for outcome in self.ledger.take_outcomes()]


def test_no_stream_is_opened_without_a_frame() -> None:
    assert not Line(0).ledger.take_open(0.0)


def test_outcomes_wait_for_those_before_them() -> None:
    line = Line(3)
    assert line.open(0.0) == ["f0", "f1", "f2"]

    line.answer(0, 1.0, frame_error(BUSY, "QUEUE_FULL"))
    line.answer(1, 1.0)
    assert line.outcomes() == []
    assert line.send(1.05) == []
    assert line.send(1.1) == ["f0"]
    line.answer(2, 1.2)
    line.answer(0, 1.3)

    assert line.outcomes() == [("f0", True, 2), ("f1", True, 1), ("f2", True, 1)]


def test_an_error_without_metadata_goes_by_its_sequence() -> None:
    line = Line(2)
    line.open(0.0)
    refused = frame_reply(
        line.entries[0].message.frame, 0, frame_error(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    )
    refused.ClearField("metadata")
    line.ledger.replied(refused, "r", 1.0)
    line.answered = 1
    line.answer(1, 1.0)

    assert line.outcomes() == [("f0", False, 1), ("f1", True, 1)]


def test_what_was_sent_on_a_broken_stream_is_sent_again_in_order() -> None:
    line = Line(3)
    line.open(0.0)
    line.answer(0, 0.5)
    line.ledger.ended(BROKEN, 1.0)

    assert not line.ledger.take_open(1.05)
    assert line.ledger.next_time() == pytest.approx(1.1)
    assert line.open(1.1) == ["f1", "f2"]
    assert [entry.attempts for entry in line.entries] == [1, 2, 2]


def test_reopening_waits_longer_until_there_is_a_reply() -> None:
    line = Line(2)
    now = 0.0
    for delay in (0.1, 0.15, 0.225):
        line.open(now)
        line.ledger.ended(BROKEN, now)
        assert line.ledger.next_time() == pytest.approx(now + delay)
        now += delay + 1e-6
    line.open(now)
    line.answer(0, now)
    line.ledger.ended(BROKEN, now)

    assert line.ledger.next_time() == pytest.approx(now + 0.1)


def test_a_frame_whose_time_is_over_while_it_waits_fails_with_the_last_error() -> None:
    line = Line(1, timeout=2.0)
    line.open(0.0)
    line.ledger.ended(BROKEN, 1.95)
    line.ledger.time_is(2.0)

    outcome = line.ledger.take_outcomes()[0]
    assert isinstance(outcome.error, bayespfl.UnreachableError)
    assert outcome.error.message == "it broke (tried once within 2.0 s)"


def test_a_frame_that_could_never_be_sent_says_why() -> None:
    line = Line(1, timeout=2.0)
    assert line.ledger.take_open(0.0)
    line.ledger.connecting(BROKEN)
    line.ledger.time_is(2.0)

    outcome = line.ledger.take_outcomes()[0]
    assert outcome.attempts == 0
    assert "it broke" in str(outcome.error)


def test_a_frame_that_comes_during_an_outage_says_what_it_waited_for() -> None:
    line = Line(2, timeout=2.0)
    late = line.entries[1]
    line.ledger = Ledger(lambda: Backoff(lambda low, high: 1.0))
    line.ledger.take(line.entries[0], None, 0.0)
    line.open(0.0)
    line.ledger.ended(BROKEN, 1.95)  # the next stream is opened at 2.05
    late.taken_at, late.deadline = 2.0, 2.04
    line.ledger.take(late, None, 2.0)
    line.ledger.time_is(2.04)

    outcome = line.ledger.take_outcomes()[1]
    assert isinstance(outcome.error, bayespfl.UnreachableError)
    assert outcome.attempts == 0
    assert outcome.error.message == "it broke (tried 0 times within 0.0 s)"


def test_a_frame_that_waits_for_nothing_but_its_turn_is_deadline_exceeded() -> None:
    line = Line(1, timeout=2.0)
    line.ledger.time_is(2.0)

    assert isinstance(line.ledger.take_outcomes()[0].error, bayespfl.DeadlineExceededError)


def test_a_stream_that_does_not_answer_is_dropped_five_seconds_after_a_frames_time() -> None:
    line = Line(2, timeout=2.0)
    line.entries[1].deadline = 30.0
    line.open(0.0)
    line.ledger.time_is(6.9)
    assert not line.ledger.take_drop()
    assert line.ledger.next_time() == pytest.approx(7.0)

    line.ledger.time_is(7.0)

    assert line.ledger.take_drop()
    assert not line.ledger.take_drop()
    assert line.outcomes() == [("f0", False, 1)]
    assert line.open(7.1) == ["f1"]


def test_after_draining_nothing_more_is_sent_on_the_stream_and_the_next_opens_at_once() -> None:
    line = Line(3)
    line.open(0.0)
    draining = frame_error(UNAVAILABLE, "DRAINING")

    line.answer(0, 1.0)
    line.answer(1, 1.0, draining)
    assert line.ledger.take_leave()
    assert not line.ledger.take_leave()
    assert line.send(1.0) == []
    line.answer(2, 1.0, draining)

    assert line.ledger.take_drop()
    assert line.open(1.0) == ["f1", "f2"]


def test_only_the_first_draining_of_a_frame_is_not_waited_after() -> None:
    line = Line(1)
    draining = frame_error(UNAVAILABLE, "DRAINING")
    opened = []
    now = 0.0
    for _ in range(4):
        while not line.ledger.take_open(now):
            now += 0.01
        opened.append(now)
        line.ledger.opened()
        line.answered = 0
        line.send(now)
        line.answer(0, now, draining)
        assert line.ledger.take_drop()

    assert opened == pytest.approx([0, 0, 0.1, 0.25], abs=0.011)


def test_a_draining_that_asks_for_a_delay_gets_it() -> None:
    line = Line(1)
    line.open(0.0)
    line.answer(0, 0.0, frame_error(UNAVAILABLE, "DRAINING", delay=2))

    assert not line.ledger.take_open(1.9)
    assert line.ledger.take_open(2.0)


@pytest.mark.parametrize("reason", ["NO_REPLICA", "DEVICE_HUNG"])
def test_a_lost_or_hung_device_moves_the_stream_after_a_while(reason: str) -> None:
    line = Line(1)
    line.open(0.0)
    line.answer(0, 1.0, frame_error(UNAVAILABLE, reason))

    assert line.ledger.take_drop()
    assert not line.ledger.take_open(1.05)
    assert line.open(1.1) == ["f0"]


def test_the_end_of_a_stream_that_was_left_is_no_failure() -> None:
    line = Line(2)
    line.open(0.0)
    line.answer(0, 1.0, frame_error(UNAVAILABLE, "DRAINING"))
    line.ledger.ended(server_error(ErrorReason.DRAINING), 1.0)

    assert line.open(1.0) == ["f0", "f1"]


def test_a_fault_of_the_server_fails_the_frames_on_the_stream_and_no_others() -> None:
    line = Line(2)
    line.open(0.0)
    late, _ = line.job.entry(bayespfl.Frame(b"y", frame_id="late"), 2, 0.0, SETTINGS)
    line.ledger.ended(server_error(ErrorReason.INTERNAL), 1.0)
    line.ledger.take(late, None, 1.0)

    assert line.outcomes() == [("f0", False, 1), ("f1", False, 1)]
    assert line.open(1.1) == ["late"]
    assert line.ledger.fatal is None


def test_frames_that_are_taken_after_the_end_get_its_error() -> None:
    line = Line(1)
    line.open(0.0)
    line.ledger.ended(server_error(ErrorReason.UNAUTHENTICATED), 1.0)
    late, _ = line.job.entry(b"y", 1, 1.0, SETTINGS)
    line.ledger.take(late, None, 1.0)

    assert all(isinstance(o.error, bayespfl.UnauthenticatedError) for o in line.ledger.take_outcomes())
    assert line.ledger.finished


def test_a_reply_that_nobody_waits_for_drops_the_stream() -> None:
    line = Line(1)
    line.open(0.0)
    line.answer(0, 1.0)
    line.answer(0, 1.0)

    assert line.ledger.take_drop()


def test_a_reply_that_cannot_be_read_is_asked_for_again_over_a_new_stream() -> None:
    line = Line(2)
    line.open(0.0)
    reply = frame_reply(line.entries[0].message.frame, 0)
    reply.result.mask.width = 3
    line.ledger.replied(reply, "r", 1.0)

    assert line.ledger.take_drop()
    assert line.outcomes() == []
    assert line.open(1.2) == ["f0", "f1"]
    line.answer(0, 1.3)
    line.answer(1, 1.3)
    assert line.outcomes() == [("f0", True, 2), ("f1", True, 2)]


def test_a_time_that_there_cannot_be_is_a_damaged_reply() -> None:
    line = Line(1)
    line.open(0.0)
    reply = frame_reply(line.entries[0].message.frame, 0)
    reply.result.metadata.capture_time.seconds = 2**62
    line.ledger.replied(reply, "r", 1.0)

    assert line.ledger.take_drop()
    assert line.open(1.2) == ["f0"]


def test_a_frame_that_would_be_sent_again_too_late_fails_at_once() -> None:
    line = Line(1, timeout=2.0)
    line.open(0.0)
    line.answer(0, 1.0, frame_error(BUSY, "QUEUE_FULL", "all are taken", delay=1.5))

    error = line.ledger.take_outcomes()[0].error
    assert isinstance(error, bayespfl.QueueFullError)
    assert error.message == "all are taken (tried once within 1.0 s)"


def test_a_device_that_fails_again_is_not_given_the_frame_a_third_time() -> None:
    line = Line(1)
    failed = frame_error(grpc.StatusCode.INTERNAL, "DEVICE_FAILED")
    line.open(0.0)
    line.answer(0, 1.0, failed)
    assert line.send(1.2) == ["f0"]
    line.answer(0, 2.0, failed)

    assert line.outcomes() == [("f0", False, 2)]

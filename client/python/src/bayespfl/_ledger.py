"""The books of one stream: which frames were taken, which were sent, and what became of each.

It does no input or output and knows no clock: whoever runs a stream (`_stream.py` with threads, `_aio_stream.py` with
tasks) tells it what happened and when, and does what it says. So both behave alike, and tests need no network.

    taken -> WAITING -> SENT -> DONE, given back in the order in which the frames were taken
                ^_________|  sent again, when that is safe and there is time
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from bayespfl._call_errors import exhausted, from_frame_error, with_attempts
from bayespfl._frames import Frame, Outcome, check_reply, reply_error, too_large
from bayespfl._from_messages import to_result
from bayespfl._pictures import Picture
from bayespfl._retry import ELSEWHERE, Backoff, ReopenDelay, Resend, resend
from bayespfl.errors import ErrorDetails, ErrorReason, InspectionError, MessageTooLargeError, ReplyError, make_error
from bayespfl.inspection.v1 import inspection_pb2
from bayespfl.results import Result

# The server answers a frame that is late by itself; the stream is given up only when it does not even do that.
STALL_GRACE = 5.0

# What every further frame of the stream would meet too.
_ENDS_STREAM = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)


class State(enum.Enum):
    """Of one frame."""

    WAITING = enum.auto()
    SENT = enum.auto()
    DONE = enum.auto()


@dataclass(eq=False)
class Entry:
    """One frame of the stream. `message` has everything but attempt and remaining time."""

    given: Frame | Picture
    sequence: int
    frame_id: str
    sha256: str
    message: inspection_pb2.InspectStreamRequest
    taken_at: float
    deadline: float
    size: int = 0  # bytes of the message on the wire, at most
    state: State = State.WAITING
    not_before: float = 0.0
    attempts: int = 0
    device_failures: int = 0
    drained: bool = False  # a server that stops has given it back before
    last_error: InspectionError | None = None
    outcome: Outcome | None = None
    backoff: Backoff = field(default_factory=Backoff)


class _Link(enum.Enum):
    CLOSED = enum.auto()
    OPENING = enum.auto()
    OPEN = enum.auto()
    LEAVING = enum.auto()  # nothing more is sent on it; what was sent is still answered


class Ledger:
    """See the module. Not thread-safe: one thread or task owns it."""

    def __init__(self, make_backoff: Callable[[], Backoff] = Backoff) -> None:
        self._make_backoff = make_backoff
        self._entries: deque[Entry] = deque()  # taken and not given back, in order
        self._on_stream: deque[Entry] = deque()  # sent on the stream that is open, in order
        self._replies = 0  # of the stream that is open
        self._link = _Link.CLOSED
        self._open_not_before = 0.0
        self._reopen = ReopenDelay(make_backoff())
        self._stream_error: InspectionError | None = None  # the last one; None since the last reply
        self._leaving_for: InspectionError | None = None  # while LEAVING: why
        self._no_more = False
        self._drop = False
        self._leave = False
        self.fatal: InspectionError | None = None
        """Why the stream as a whole ended; told after the outcomes."""

    # What happened.

    def take(self, entry: Entry, error: InspectionError | None, now: float) -> None:
        """A frame of the caller; `error`: it cannot be sent at all."""
        entry.backoff = self._make_backoff()
        self._entries.append(entry)
        if error is None:
            error = self.fatal
        if error is not None:
            self._fail(entry, error, now)

    def no_more(self) -> None:
        """The caller has given all frames."""
        self._no_more = True

    def opened(self) -> None:
        """There is a stream: frames may be sent on it."""
        self._link = _Link.OPEN
        self._replies = 0

    def replied(self, reply: inspection_pb2.InspectStreamResponse, request_id: str, now: float) -> None:
        """The next reply of the stream."""
        if not self._on_stream:
            self._give_up(reply_error("the server answered a frame that was not sent", "", request_id), now)
            return
        entry = self._on_stream[0]
        try:
            # An error of metadata that the server does not take comes without any, and goes by its sequence alone.
            anonymous = reply.WhichOneof("outcome") == "error" and not reply.metadata.frame_id
            if (not anonymous and reply.metadata.frame_id != entry.frame_id) or reply.sequence != self._replies:
                raise reply_error(
                    f"the reply is number {reply.sequence} of the stream and of the frame {reply.metadata.frame_id!r}, not "
                    f"number {self._replies} and of {entry.frame_id!r}",
                    entry.frame_id,
                    request_id,
                )
            result = self._result(entry, reply, request_id)
        except ReplyError as error:
            if resend(error) is Resend.YES:
                self._give_up(error, now)
                return
            result = error
        self._on_stream.popleft()
        self._replies += 1
        self._reopen.replied()
        self._stream_error = None
        if isinstance(result, InspectionError):
            self._refused(entry, result, now)
        else:
            self._done(entry, now, result=result, skipped=result is None)
        if self._link is _Link.LEAVING and not self._on_stream:
            self._give_up(self._leaving_for, now)

    def ended(self, error: InspectionError | None, now: float) -> None:
        """The stream, or the attempt to open one, is over. None: without an error."""
        if error is None and not self._on_stream and self._link is _Link.LEAVING:
            self._closed(self._leaving_for, now)  # as it was asked to
            return
        if error is None:
            details = ErrorDetails(grpc.StatusCode.UNAVAILABLE)
            error = make_error("the server ended the stream without a word", details)
        if isinstance(error, MessageTooLargeError) and self._on_stream:
            # Requests are measured before they go out, so it is the next reply that was too large for this client.
            culprit = self._on_stream.popleft()
            self._fail(culprit, error, now)
            self._reopen.replied()
            self._closed(None, now)
            self._open_not_before = now
            return
        if resend(error) is Resend.NEVER and (error.code in _ENDS_STREAM or not self._on_stream):
            self.end_with(error, now)
            return
        self._closed(error, now)

    def end_with(self, error: InspectionError, now: float) -> None:
        """Every frame that was taken and not answered gets this error, and the stream itself."""
        self.fatal = error
        self._link = _Link.CLOSED
        self._on_stream.clear()
        for entry in self._entries:
            if entry.state is not State.DONE:
                self._fail(entry, error, now)

    def connecting(self, error: InspectionError) -> None:
        """An attempt to open the stream failed; others follow by themselves."""
        self._stream_error = error

    def time_is(self, now: float) -> None:
        """Ends what has run out of time."""
        for entry in self._entries:
            if entry.state is State.WAITING and now >= entry.deadline:
                self._out_of_time(entry, now)
        late = [entry for entry in self._on_stream if now >= entry.deadline + STALL_GRACE]
        if not late:
            return
        details = ErrorDetails(grpc.StatusCode.DEADLINE_EXCEEDED, ErrorReason.DEADLINE_EXCEEDED)
        error = make_error("the server did not answer the frame within its time, nor 5 s after it", details)
        for entry in late:
            self._on_stream.remove(entry)
            self._fail(entry, error, now)
        details = ErrorDetails(grpc.StatusCode.UNAVAILABLE)
        self._give_up(make_error("the stream was dropped: the server answered no frame on it", details), now)

    # What is to be done.

    def take_drop(self) -> bool:
        """Whether the open call is to be cancelled; its further events must not be told. True once."""
        drop, self._drop = self._drop, False
        return drop

    def take_leave(self) -> bool:
        """Whether the call's sending side is to be closed. True once."""
        leave, self._leave = self._leave, False
        return leave

    def take_open(self, now: float) -> bool:
        """Whether a stream is to be opened now. True once for each."""
        wanted = any(entry.state is State.WAITING and entry.not_before <= now for entry in self._entries)
        if self._link is not _Link.CLOSED or not wanted or now < self._open_not_before or self.fatal is not None:
            return False
        self._link = _Link.OPENING
        return True

    def to_send(self, now: float, server_limit: int | None) -> list[Entry]:
        """The frames to send now, in their order. `server_limit`: bytes of a message, None where it is not known."""
        if self._link is not _Link.OPEN:
            return []
        sending = []
        for entry in self._entries:
            if entry.state is not State.WAITING or now < entry.not_before:
                continue
            if server_limit is not None and entry.size > server_limit:
                self._fail(entry, too_large(entry.size, server_limit, "the server's limit", entry.frame_id), now)
                continue
            entry.state = State.SENT
            entry.attempts += 1
            self._on_stream.append(entry)
            sending.append(entry)
        return sending

    def take_outcomes(self) -> list[Outcome]:
        """The outcomes that are next in order; each is given once."""
        outcomes = []
        while self._entries and self._entries[0].outcome is not None:
            outcome = self._entries.popleft().outcome
            assert outcome is not None
            outcomes.append(outcome)
        return outcomes

    def next_time(self) -> float | None:
        """When :meth:`time_is` or :meth:`take_open` has something to do, if nothing happens before."""
        times = []
        for entry in self._entries:
            if entry.state is State.WAITING:
                ready = entry.not_before
                if self._link is _Link.CLOSED:
                    ready = max(ready, self._open_not_before)
                times.append(
                    entry.deadline if self._link in (_Link.OPENING, _Link.LEAVING) else min(ready, entry.deadline)
                )
            elif entry.state is State.SENT:
                times.append(entry.deadline + STALL_GRACE)
        return min(times, default=None)

    @property
    def finished(self) -> bool:
        """All outcomes were given and no more will come."""
        return not self._entries and (self._no_more or self.fatal is not None)

    # Inside.

    def _result(
        self, entry: Entry, reply: inspection_pb2.InspectStreamResponse, request_id: str
    ) -> Result | InspectionError | None:
        """None: skipped."""
        kind = reply.WhichOneof("outcome")
        if kind == "skipped":
            return None
        if kind == "error":
            return from_frame_error(reply.error, request_id=request_id, frame_id=entry.frame_id)
        if kind != "result":
            raise reply_error("the reply has no outcome", entry.frame_id, request_id)
        check_reply(reply.result, entry.frame_id, entry.sha256, request_id)
        return to_result(reply.result, request_id=request_id)

    def _refused(self, entry: Entry, error: InspectionError, now: float) -> None:
        """The server answered the frame with an error."""
        kind = resend(error)
        if kind is Resend.ONCE:
            entry.device_failures += 1
        if kind is Resend.NEVER or entry.device_failures > 1:
            self._fail(entry, error, now)
            return
        entry.last_error = error
        moves = error.reason in ELSEWHERE
        if error.reason == ErrorReason.DRAINING and not entry.drained:
            entry.drained = True
            delay = error.retry_after or 0.0  # the next server, at once
        else:
            delay = entry.backoff.delay(error.retry_after)
        if now + delay >= entry.deadline:
            self._out_of_time(entry, now)
            return
        entry.state = State.WAITING
        entry.not_before = now + delay
        if moves and self._link is _Link.OPEN:
            self._leaving_for = error
            self._link = _Link.LEAVING
            self._leave = True

    def _give_up(self, error: InspectionError | None, now: float) -> None:
        """The open stream is of no more use."""
        self._drop = True
        self._closed(error, now)

    def _closed(self, error: InspectionError | None, now: float) -> None:
        """There is no stream any more; what was sent on it and not answered waits again, or has failed."""
        self._link = _Link.CLOSED
        self._leave = False
        self._stream_error = error
        self._open_not_before = now + self._reopen.after(error)
        never = error is not None and resend(error) is Resend.NEVER
        for entry in self._on_stream:
            if error is not None:
                entry.last_error = error
            if never and error is not None:
                self._fail(entry, error, now)
                continue
            if error is not None and resend(error) is Resend.ONCE:
                entry.device_failures += 1
                if entry.device_failures > 1:
                    self._fail(entry, error, now)
                    continue
            entry.state = State.WAITING
            entry.not_before = now
        self._on_stream.clear()

    def _out_of_time(self, entry: Entry, now: float) -> None:
        seconds = now - entry.taken_at
        last = entry.last_error or self._stream_error
        if last is None:
            details = ErrorDetails(grpc.StatusCode.DEADLINE_EXCEEDED, ErrorReason.DEADLINE_EXCEEDED)
            self._fail(
                entry, make_error(f"the frame's time ran out after {seconds:.1f} s, before it was sent", details), now
            )
        else:
            self._fail(entry, exhausted(last, entry.attempts, seconds), now)

    def _fail(self, entry: Entry, error: InspectionError, now: float) -> None:
        self._done(entry, now, error=with_attempts(error, frame_id=entry.frame_id, attempts=entry.attempts))

    def _done(
        self,
        entry: Entry,
        now: float,
        *,
        result: Result | None = None,
        error: InspectionError | None = None,
        skipped: bool = False,
    ) -> None:
        entry.state = State.DONE
        entry.message.Clear()  # the picture is needed no more
        entry.outcome = Outcome(
            frame=entry.given,
            sequence=entry.sequence,
            frame_id=entry.frame_id,
            attempts=entry.attempts,
            latency=now - entry.taken_at,
            error=error,
            skipped=skipped,
            _result=result,
        )

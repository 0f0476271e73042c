"""When something is sent again, and how long that waits; without any input or output. docs/clients.md is the rule."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable

from bayespfl._call_errors import exhausted
from bayespfl.errors import BROKEN_CONNECTION, ErrorReason, InspectionError

FIRST_DELAY = 0.1  # seconds
GROWTH = 1.5
LONGEST_DELAY = 5.0
JITTER = 0.2  # share, up and down


class Resend(enum.Enum):
    """Whether what met an error may be sent again."""

    NEVER = enum.auto()
    ONCE = enum.auto()
    YES = enum.auto()


_SAFE = frozenset(
    {
        ErrorReason.QUEUE_FULL,
        ErrorReason.BYTES_FULL,
        ErrorReason.STREAMS_FULL,
        ErrorReason.RATE_LIMITED,
        ErrorReason.NOT_READY,
        ErrorReason.DRAINING,
        ErrorReason.NO_REPLICA,
        ErrorReason.DEVICE_HUNG,
        ErrorReason.MAX_STREAM_AGE,
    }
)

# What another server may do better: the stream ends here and opens anew.
ELSEWHERE = frozenset({ErrorReason.NOT_READY, ErrorReason.DRAINING, ErrorReason.NO_REPLICA, ErrorReason.DEVICE_HUNG})

# After these the first new stream does not wait.
_AT_ONCE = frozenset({ErrorReason.MAX_STREAM_AGE, ErrorReason.DRAINING})


def resend(error: InspectionError) -> Resend:
    """Whether sending it again is safe after this error.

    A reason that is not known here, of a newer contract, is taken by its status code: UNAVAILABLE is safe by the
    contract's own words, the other codes are not.
    """
    details = error.details
    if not details.from_server:
        return Resend.YES if error.code in BROKEN_CONNECTION else Resend.NEVER
    if details.reason == ErrorReason.DEVICE_FAILED:
        return Resend.ONCE
    if details.reason in _SAFE:
        return Resend.YES
    known = isinstance(details.reason, ErrorReason) and details.reason != ErrorReason.UNSPECIFIED
    return Resend.YES if not known and error.code.name == "UNAVAILABLE" else Resend.NEVER


class Backoff:
    """Delays that grow: 100 ms, times 1.5 each time, at most 5 s, each with a random part. Not thread-safe."""

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._next = FIRST_DELAY

    def reset(self) -> None:
        """Begins with the first delay again: something worked."""
        self._next = FIRST_DELAY

    def delay(self, retry_after: float | None) -> float:
        """Seconds to wait now; never less than what the server asked for."""
        jittered = self._next * self._uniform(1 - JITTER, 1 + JITTER)
        self._next = min(self._next * GROWTH, LONGEST_DELAY)
        return max(min(jittered, LONGEST_DELAY), retry_after or 0.0)


class ReopenDelay:
    """How long a stream waits before it opens anew. Not thread-safe."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._waited_for_nothing = False

    def replied(self) -> None:
        """The stream brought a reply."""
        self._backoff.reset()
        self._waited_for_nothing = False

    def after(self, error: InspectionError | None) -> float:
        """Seconds. None: the stream ended without an error."""
        asked = error.retry_after if error is not None else None
        if error is not None and error.reason in _AT_ONCE and not self._waited_for_nothing:
            self._waited_for_nothing = True
            return asked or 0.0
        return self._backoff.delay(asked)


class CallRetry:
    """The attempts of one unary call.

        retry = CallRetry(started=clock(), timeout=60, backoff=Backoff())
        while True:
            try:
                return attempt(retry.begin(), retry.remaining(clock()))
            except InspectionError as error:
                sleep(retry.after(error, clock()))

    A question (which models, which limits, how is it) gives what the server says at once, also that it is not ready; only
    a broken connection makes it ask again. Not thread-safe.
    """

    def __init__(self, started: float, timeout: float, backoff: Backoff, *, question: bool = False) -> None:
        self._started = started
        self._deadline = started + timeout
        self._backoff = backoff
        self._question = question
        self._device_failures = 0
        self.attempts = 0

    def begin(self) -> int:
        """Counts an attempt; returns how often it was sent before."""
        self.attempts += 1
        return self.attempts - 1

    def remaining(self, now: float) -> float:
        """Seconds that are left for all further attempts; may be negative."""
        return self._deadline - now

    def after(self, error: InspectionError, now: float) -> float:
        """Seconds to wait before the next attempt; raises the final error when there is none."""
        kind = resend(error)
        if kind is Resend.ONCE:
            self._device_failures += 1
        said = self._question and error.details.from_server
        if said or kind is Resend.NEVER or self._device_failures > 1:
            raise error
        delay = self._backoff.delay(error.retry_after)
        if now + delay >= self._deadline:
            raise exhausted(error, self.attempts, now - self._started) from error
        return delay

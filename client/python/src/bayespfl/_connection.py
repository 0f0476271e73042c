"""What the two kinds of client have in common about a connection, and the synchronous one."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import grpc

from bayespfl._call_errors import REQUEST_ID, from_rpc_error, with_attempts
from bayespfl._frames import too_large
from bayespfl._from_messages import to_server_info
from bayespfl._retry import Backoff, CallRetry, Resend, resend
from bayespfl._settings import Settings, channel_options, credentials
from bayespfl.errors import ErrorDetails, InspectionError, MessageTooLargeError, UnreachableError, input_error
from bayespfl.inspection.v1 import inspection_pb2, inspection_pb2_grpc
from bayespfl.results import HealthState, ServerInfo

HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_T = TypeVar("_T")


@dataclass
class Timing:
    """Clock, sleep and chance, so that tests need not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Any] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform


def new_request_id() -> str:
    """Of one call; the server writes it to its log."""
    return uuid.uuid4().hex


def metadata(settings: Settings, request_id: str) -> tuple[tuple[str, str], ...]:
    """What goes with every call."""
    pairs = [(REQUEST_ID, request_id)]
    if settings.token:
        pairs.append(("authorization", f"Bearer {settings.token}"))
    return tuple(pairs)


def health_request(service: str) -> bytes:
    """A grpc.health.v1.HealthCheckRequest; written by hand, so that no stubs of it are registered a second time.

    InputError for a name that is longer than any service's.
    """
    name = service.encode()
    if len(name) > 127:
        raise input_error(f"a service's name of {len(name)} bytes; it may have 127")
    return b"\x0a" + bytes([len(name)]) + name if name else b""


def health_state(reply: bytes) -> HealthState:
    """Of a grpc.health.v1.HealthCheckResponse, whose only field is the state, 0 when it is left out."""
    number = reply[1] if len(reply) == 2 and reply[0] == 0x08 else 0
    return HealthState(number) if number in HealthState._value2member_map_ else HealthState.UNKNOWN


def is_an_answer(error: InspectionError) -> bool:
    """Whether a server has said this, or gRPC of a server that is there: it was reached."""
    late = error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    return error.details.from_server or (resend(error) is Resend.NEVER and not late)


class FirstContact:
    """How long a client tries that has never reached a server: its connect timeout, or as long as the call may take.

    Not thread-safe; one for each call.
    """

    def __init__(
        self, settings: Settings, started: float, timeout: float, backoff: Backoff, *, reached: bool = False
    ) -> None:
        self._settings = settings
        self._started = started
        patience = timeout if settings.wait_for_ready or reached else min(timeout, settings.connect_timeout)
        self._until = started + patience
        self._backoff = backoff

    def attempt_timeout(self, now: float) -> float:
        """Seconds that one attempt may take."""
        return max(0.05, min(self._until - now, self._settings.connect_timeout))

    def after(self, error: InspectionError, now: float) -> float:
        """Seconds until the next attempt; raises the final error when there is none."""
        if is_an_answer(error):
            raise error
        delay = self._backoff.delay(error.retry_after)
        if now + delay >= self._until:
            raise self.failure(error, now) from error
        return delay

    def failure(self, error: InspectionError, now: float) -> InspectionError:
        """UNAVAILABLE, with the reason of the last attempt."""
        message = (
            f"no server could be reached at {self._settings.target} within {now - self._started:.1f} s: {error.message}"
        )
        details = ErrorDetails(grpc.StatusCode.UNAVAILABLE, request_id=error.request_id)
        return UnreachableError(message, details)


def explained(error: InspectionError, settings: Settings, info: ServerInfo | None) -> InspectionError:
    """Of a message that was too large, with both limits in the message; other errors as they are."""
    if not isinstance(error, MessageTooLargeError) or error.details.from_server:
        return error
    server = f"{info.limits.max_message_bytes} bytes" if info is not None else "not known"
    message = (
        f"{error.message}; the server's limit for a request is {server}, this client's for a reply "
        f"{settings.max_reply_bytes} bytes (max_reply_bytes)"
    )
    return type(error)(message, error.details)


def exceeded_limit(info: ServerInfo | None, size: int) -> int | None:
    """The server's limit for a message, where one of so many bytes is over it."""
    limit = info.limits.max_message_bytes if info is not None else size
    return limit if size > limit else None


def not_sent(error: InspectionError, frame_id: str) -> InspectionError:
    """Why a frame was kept back; the question before it does not count as one of its attempts."""
    kept = with_attempts(error, frame_id=frame_id, attempts=0)
    kept.__cause__ = error.__cause__
    return kept


def unanswered(error: InspectionError) -> InspectionError:
    """Of the small question that comes before everything else: late is as good as not reached."""
    if error.code is not grpc.StatusCode.DEADLINE_EXCEEDED or error.details.from_server:
        return error
    return UnreachableError(
        "the server did not answer in time whether it is there",
        replace(error.details, code=grpc.StatusCode.UNAVAILABLE),
    )


class Connection:
    """The synchronous channels to one target, made when they are first needed. Thread-safe.

    Two channels: pictures go round robin over healthy servers; questions about a server go to any that listens, since one
    that is not healthy would not be asked otherwise.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._closed = threading.Event()
        self.timing = Timing(sleep=self._closed.wait)  # nobody waits for an attempt that close() has made impossible
        self._secret = credentials(settings.tls) if settings.tls is not None else None
        self._lock = threading.Lock()
        self._channels: dict[bool, grpc.Channel] = {}
        self._info: ServerInfo | None = None
        self._reached = False  # somebody has answered
        self._asked = False  # for the limits, and there was an answer

    def channel(self, *, balanced: bool) -> grpc.Channel:
        """The channel for pictures (`balanced`) or questions."""
        with self._lock:
            if self._closed.is_set():
                raise RuntimeError("the inspector was closed")
            if balanced not in self._channels:
                options = channel_options(self.settings, balanced=balanced)
                self._channels[balanced] = (
                    grpc.insecure_channel(self.settings.target, options)
                    if self._secret is None
                    else grpc.secure_channel(self.settings.target, self._secret, options)
                )
            return self._channels[balanced]

    def stub(self, *, balanced: bool) -> Any:
        """Of the inspection service."""
        return inspection_pb2_grpc.InspectionServiceStub(self.channel(balanced=balanced))  # type: ignore[no-untyped-call]

    @property
    def reached(self) -> bool:
        """Whether a server has ever answered."""
        return self._reached

    @property
    def info(self) -> ServerInfo | None:
        """As a server last told it; None: none has yet, or it does not know the call."""
        return self._info

    def ask(self, timeout: float) -> None:
        """Asks once for version and limits: whether a server is there. Raises why not."""
        request_id = new_request_id()
        try:
            reply = self.stub(balanced=False).GetServerInfo(
                inspection_pb2.GetServerInfoRequest(),
                timeout=timeout,
                metadata=metadata(self.settings, request_id),
            )
        except grpc.RpcError as error:
            failure = unanswered(from_rpc_error(error, request_id=request_id, attempts=1))
            self._reached = self._reached or is_an_answer(failure)
            if failure.code is grpc.StatusCode.UNIMPLEMENTED:
                self._asked = True
                return
            raise failure from error
        self._info = to_server_info(reply)
        self._reached = self._asked = True

    def reach(
        self,
        started: float,
        timeout: float,
        *,
        anew: bool = False,
        wait: Callable[[float], Any] | None = None,
        told: Callable[[InspectionError], None] | None = None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Until a server has told its limits, `anew`: once more; tries, within the connect timeout when none was reached yet.

        `wait` sleeps; `told` hears of each attempt that failed; `given_up` ends it early, quietly.
        """
        contact = FirstContact(self.settings, started, timeout, Backoff(self.timing.uniform), reached=self._reached)
        while (anew or not self._asked) and not given_up():
            try:
                self.ask(contact.attempt_timeout(self.timing.now()))
                anew = False
            except InspectionError as error:
                delay = contact.after(error, self.timing.now())
                if told is not None:
                    told(error)
                (wait or self.timing.sleep)(delay)

    def check_size(self, size: int, frame_id: str, started: float, timeout: float) -> None:
        """By the limit that is known; before a refusal the server is asked again, since it may have a new one."""
        self.reach(started, timeout)
        if exceeded_limit(self._info, size) is None:
            return
        self.reach(started, timeout, anew=True)
        limit = exceeded_limit(self._info, size)
        if limit is not None:
            raise too_large(size, limit, "the server's limit", frame_id)

    def call(self, attempt: Callable[[int, float, str], _T], timeout: float, frame_id: str, size: int) -> _T:
        """Runs `attempt(sent before, seconds, request id)` until it succeeds or may not be tried again.

        `size`: bytes of the message. All of it together takes `timeout` seconds at most.
        """
        started = self.timing.now()
        try:
            self.check_size(size, frame_id, started, timeout)
        except InspectionError as error:
            failure = not_sent(error, frame_id)
            raise failure from failure.__cause__
        retry = CallRetry(started, timeout, Backoff(self.timing.uniform))
        request_id = new_request_id()
        while True:
            before = retry.begin()
            try:
                remaining = retry.remaining(self.timing.now())
                return attempt(before, max(0.001, remaining), request_id)
            except grpc.RpcError as error:
                failure = from_rpc_error(error, request_id=request_id, frame_id=frame_id, attempts=retry.attempts)
                failure = explained(failure, self.settings, self._info)
                failure.__cause__ = error
            except InspectionError as error:
                failure = error
            self.timing.sleep(retry.after(failure, self.timing.now()))

    def question(self, attempt: Callable[[float, str], _T], timeout: float) -> _T:
        """Runs `attempt(seconds, request id)` until somebody answers, whatever the answer is."""
        started = self.timing.now()
        contact = FirstContact(self.settings, started, timeout, Backoff(self.timing.uniform), reached=self._reached)
        retry = CallRetry(started, timeout, Backoff(self.timing.uniform), question=True)
        request_id = new_request_id()
        while True:
            retry.begin()
            now = self.timing.now()
            seconds = max(0.001, retry.remaining(now)) if self._reached else contact.attempt_timeout(now)
            try:
                answer = attempt(seconds, request_id)
            except grpc.RpcError as error:
                failure = from_rpc_error(error, request_id=request_id, attempts=retry.attempts)
                failure.__cause__ = error
            else:
                self._reached = True
                return answer
            if self._reached or is_an_answer(failure):
                self._reached = True
                delay = retry.after(failure, self.timing.now())
            else:
                delay = contact.after(failure, self.timing.now())
            self.timing.sleep(delay)

    def close(self) -> None:
        """Ends all calls. Safe to call again."""
        with self._lock:
            channels, self._channels = self._channels, {}
            self._closed.set()
        for channel in channels.values():
            channel.close()

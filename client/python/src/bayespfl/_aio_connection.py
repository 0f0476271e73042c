"""The asynchronous twin of `_connection.Connection`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import grpc
import grpc.aio

from bayespfl._call_errors import from_rpc_error
from bayespfl._connection import (
    FirstContact,
    Timing,
    exceeded_limit,
    explained,
    is_an_answer,
    metadata,
    new_request_id,
    not_sent,
    unanswered,
)
from bayespfl._frames import too_large
from bayespfl._from_messages import to_server_info
from bayespfl._retry import Backoff, CallRetry
from bayespfl._settings import Settings, channel_options, credentials
from bayespfl.errors import InspectionError
from bayespfl.inspection.v1 import inspection_pb2, inspection_pb2_grpc
from bayespfl.results import ServerInfo

_T = TypeVar("_T")


class AioConnection:
    """The channels to one target, made in the event loop that first needs them. For that one loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._closed = asyncio.Event()
        self.timing = Timing(sleep=self._sleep)
        self._secret = credentials(settings.tls) if settings.tls is not None else None
        self._channels: dict[bool, grpc.aio.Channel] = {}
        self._info: ServerInfo | None = None
        self._reached = False  # somebody has answered
        self._asked = False  # for the limits, and there was an answer

    def channel(self, *, balanced: bool) -> grpc.aio.Channel:
        """The channel for pictures (`balanced`) or questions."""
        if self._closed.is_set():
            raise RuntimeError("the inspector was closed")
        if balanced not in self._channels:
            options = channel_options(self.settings, balanced=balanced)
            self._channels[balanced] = (
                grpc.aio.insecure_channel(self.settings.target, options)
                if self._secret is None
                else grpc.aio.secure_channel(self.settings.target, self._secret, options)
            )
        return self._channels[balanced]

    def stub(self, *, balanced: bool) -> Any:
        """Of the inspection service."""
        return inspection_pb2_grpc.InspectionServiceStub(self.channel(balanced=balanced))  # type: ignore[no-untyped-call]

    async def ended_by_close(self, call: Awaitable[_T]) -> _T:
        """The call's reply. grpc.aio cancels whoever waits for a channel that is closed: RuntimeError says so instead."""
        try:
            return await call
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closed.is_set() or (task is not None and task.cancelling() > 0):
                raise
            raise RuntimeError("the inspector was closed") from None

    @property
    def reached(self) -> bool:
        """Whether a server has ever answered."""
        return self._reached

    @property
    def info(self) -> ServerInfo | None:
        """As a server last told it; None: none has yet, or it does not know the call."""
        return self._info

    async def ask(self, timeout: float) -> None:
        """Asks once for version and limits: whether a server is there. Raises why not."""
        request_id = new_request_id()
        try:
            reply = await self.ended_by_close(
                self.stub(balanced=False).GetServerInfo(
                    inspection_pb2.GetServerInfoRequest(), timeout=timeout, metadata=metadata(self.settings, request_id)
                )
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

    async def reach(
        self,
        started: float,
        timeout: float,
        *,
        anew: bool = False,
        told: Callable[[InspectionError], None] | None = None,
    ) -> None:
        """Until a server has told its limits, `anew`: once more; tries, within the connect timeout when none was reached yet.

        `told` hears of each attempt that failed.
        """
        contact = FirstContact(self.settings, started, timeout, Backoff(self.timing.uniform), reached=self._reached)
        while anew or not self._asked:
            try:
                await self.ask(contact.attempt_timeout(self.timing.now()))
                anew = False
            except InspectionError as error:
                delay = contact.after(error, self.timing.now())
                if told is not None:
                    told(error)
                await self.timing.sleep(delay)

    async def check_size(self, size: int, frame_id: str, started: float, timeout: float) -> None:
        """By the limit that is known; before a refusal the server is asked again, since it may have a new one."""
        await self.reach(started, timeout)
        if exceeded_limit(self._info, size) is None:
            return
        await self.reach(started, timeout, anew=True)
        limit = exceeded_limit(self._info, size)
        if limit is not None:
            raise too_large(size, limit, "the server's limit", frame_id)

    async def call(
        self, attempt: Callable[[int, float, str], Awaitable[_T]], timeout: float, frame_id: str, size: int
    ) -> _T:
        """Runs `attempt(sent before, seconds, request id)` until it succeeds or may not be tried again.

        `size`: bytes of the message. All of it together takes `timeout` seconds at most.
        """
        started = self.timing.now()
        try:
            await self.check_size(size, frame_id, started, timeout)
        except InspectionError as error:
            failure = not_sent(error, frame_id)
            raise failure from failure.__cause__
        retry = CallRetry(started, timeout, Backoff(self.timing.uniform))
        request_id = new_request_id()
        while True:
            before = retry.begin()
            try:
                remaining = retry.remaining(self.timing.now())
                return await self.ended_by_close(attempt(before, max(0.001, remaining), request_id))
            except grpc.RpcError as error:
                failure = from_rpc_error(error, request_id=request_id, frame_id=frame_id, attempts=retry.attempts)
                failure = explained(failure, self.settings, self._info)
                failure.__cause__ = error
            except InspectionError as error:
                failure = error
            await self.timing.sleep(retry.after(failure, self.timing.now()))

    async def question(self, attempt: Callable[[float, str], Awaitable[_T]], timeout: float) -> _T:
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
                answer = await self.ended_by_close(attempt(seconds, request_id))
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
            await self.timing.sleep(delay)

    async def _sleep(self, seconds: float) -> None:
        """Until the next attempt, or until close() has made it impossible."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), seconds)

    async def close(self) -> None:
        """Ends all calls. Safe to call again."""
        channels, self._channels = self._channels, {}
        self._closed.set()
        for channel in channels.values():
            await channel.close()

"""A stream run with tasks: the asynchronous twin of `_stream.py`, over the same ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from bayespfl._aio_connection import AioConnection
from bayespfl._aio_status import CallEnd
from bayespfl._call_errors import from_rpc_error
from bayespfl._connection import explained, metadata, new_request_id
from bayespfl._frames import Frame, Outcome
from bayespfl._ledger import Entry, Ledger
from bayespfl._pictures import Picture
from bayespfl._requests import StreamJob, outgoing
from bayespfl._retry import Backoff
from bayespfl.errors import ErrorDetails, InspectionError, given_up, make_error

_GOODBYE = 2.0  # seconds that a finished call has to end by itself

Frames = AsyncIterable[Frame | Picture] | Iterable[Frame | Picture]


@dataclass
class _End:
    """The last thing that the caller's side hears."""

    error: BaseException | None


class _Call:
    """One open call, or the attempt to open one."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[Entry | None] = asyncio.Queue()  # None: no more
        self.request_id = new_request_id()
        self.task: asyncio.Task[None] | None = None


async def _each(frames: Frames) -> AsyncIterator[Frame | Picture]:
    if isinstance(frames, AsyncIterable):
        async for frame in frames:
            yield frame
    else:
        for frame in frames:
            yield frame


class AioStreamRun:
    """One stream, from the first frame to the last outcome, in one event loop."""

    def __init__(self, connection: AioConnection, frames: Frames, job: StreamJob) -> None:
        self._connection = connection
        self._frames = frames
        self._job = job
        self._now = connection.timing.now
        self._ledger = Ledger(lambda: Backoff(connection.timing.uniform))
        self._events: asyncio.Queue[Callable[[], None]] = asyncio.Queue()
        self._outcomes: asyncio.Queue[Outcome | _End] = asyncio.Queue()
        self._permits = asyncio.Semaphore(job.max_in_flight)
        self._preparing = 0  # frames that were taken and are not in the ledger yet
        self._stopped = asyncio.Event()  # nothing more is taken
        self._taking_failed: BaseException | None = None
        self._crashed: BaseException | None = None
        self._readers: set[asyncio.Task[None]] = set()  # of calls that are not over
        self._call: _Call | None = None

    async def outcomes(self) -> AsyncGenerator[Outcome, None]:
        """Runs the stream. Raises, after the last outcome, why it ended as a whole, or what the caller's frames raised."""
        taker = asyncio.create_task(self._take_all())
        engine = asyncio.create_task(self._engine())
        try:
            while True:
                item = await self._outcomes.get()
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                self._permits.release()
                yield item
        finally:
            taker.cancel()
            engine.cancel()
            # The engine drops the last call, whose reader may have to wait for gRPC.
            await asyncio.gather(taker, engine, return_exceptions=True)
            await asyncio.gather(*self._readers, return_exceptions=True)

    # The taker.

    async def _take_all(self) -> None:
        error: BaseException | None = None
        sequence = 0
        try:
            frames = _each(self._frames)
            while True:
                await self._permits.acquire()
                if self._stopped.is_set():
                    return
                try:
                    given = await anext(frames)
                except StopAsyncIteration:
                    break
                if self._stopped.is_set():
                    return
                self._preparing += 1
                # Files are read and pictures hashed beside the event loop.
                entry, problem = await asyncio.to_thread(
                    self._job.entry, given, sequence, self._now(), self._connection.settings
                )
                sequence += 1
                self._tell(lambda entry=entry, problem=problem: self._taken(entry, problem))  # type: ignore[misc]
        except BaseException as caught:  # also a CancelledError that comes from the caller's own frames
            error = caught
            if not isinstance(caught, Exception):
                raise
        finally:
            self._tell(lambda: self._took_all(error))

    # The reader.

    async def _read(self, call: _Call) -> None:
        rpc: Any = None
        try:
            await self._open(call)
            rpc = self._connection.stub(balanced=True).InspectStream(
                self._requests(call), metadata=metadata(self._connection.settings, call.request_id)
            )
            end = CallEnd(rpc)
            self._tell_of(call, self._ledger.opened)
            replies = aiter(rpc)
            while (reply := await self._connection.ended_by_close(anext(replies, None))) is not None:
                self._tell_of(
                    call,
                    lambda reply=reply: self._ledger.replied(reply, call.request_id, self._now()),  # type: ignore[misc]
                )
            self._tell_of(call, lambda: self._ledger.ended(None, self._now()))
        except grpc.aio.AioRpcError as error:
            status = await end.status(error)
            failure = from_rpc_error(status, request_id=call.request_id) if status is not None else None
            self._ended(call, failure and explained(failure, self._connection.settings, self._connection.info))
        except InspectionError as error:
            self._ended(call, error)
        except asyncio.CancelledError:
            # Of a call that was dropped, which nobody hears of; or grpc.aio's own, when its half-close meets the end.
            self._ended(call, make_error("grpc cancelled the call", ErrorDetails(grpc.StatusCode.CANCELLED)))
            raise
        except Exception as error:  # a closed inspector, say: the engine must hear of it, or it would wait for ever
            self._tell_of(call, lambda error=error: self._crash(error))  # type: ignore[misc]
        finally:
            if rpc is not None:
                rpc.cancel()
            call.requests.put_nowait(None)  # gRPC's own task may wait for the next frame

    async def _open(self, call: _Call) -> None:
        """Makes sure that a server is there, and hears its limits, before frames are sent on their way."""
        connection = self._connection
        if connection.reached:
            await connection.ask(connection.settings.connect_timeout)
            return
        try:
            await connection.reach(
                self._now(),
                float("inf"),
                told=lambda error: self._tell_of(call, lambda: self._ledger.connecting(error)),
            )
        except InspectionError as error:
            fatal = error
            self._tell_of(call, lambda: self._ledger.end_with(fatal, self._now()))
            raise

    async def _requests(self, call: _Call) -> AsyncIterator[Any]:
        yield self._job.configuration
        while True:
            entry = await call.requests.get()
            if entry is None:
                return
            yield outgoing(entry, self._now())

    # The engine.

    def _tell(self, event: Callable[[], None]) -> None:
        self._events.put_nowait(event)

    def _tell_of(self, call: _Call, event: Callable[[], None]) -> None:
        """What happened to a call; nobody hears of one that was dropped."""
        self._events.put_nowait(lambda: event() if self._call is call else None)

    def _ended(self, call: _Call, error: InspectionError | None) -> None:
        self._tell_of(call, lambda: self._ledger.ended(error, self._now()))

    def _taken(self, entry: Entry, problem: InspectionError | None) -> None:
        self._preparing -= 1
        self._ledger.take(entry, problem, self._now())

    def _took_all(self, error: BaseException | None) -> None:
        self._taking_failed = error
        if error is not None:
            self._preparing = 0
        self._ledger.no_more()

    def _crash(self, error: BaseException) -> None:
        """What no further call can mend, a closed inspector for example: the frames get their outcomes, the caller this."""
        self._crashed = error
        self._ledger.end_with(given_up(error), self._now())

    async def _engine(self) -> None:
        error: BaseException | None = None
        try:
            while not self._ledger.finished or self._preparing > 0:
                await self._wait()
                self._act()
            error = self._crashed or self._ledger.fatal or self._taking_failed
            await self._say_goodbye()
        except Exception as caught:
            error = caught
        finally:
            self._drop()
            self._outcomes.put_nowait(_End(error))

    async def _wait(self) -> None:
        """Hears what happened, at the latest when the ledger has something to do."""
        next_time = self._ledger.next_time()
        timeout = None if next_time is None else max(0.0, next_time - self._now())
        try:
            if self._events.empty():  # what has happened comes before what is due
                event = await asyncio.wait_for(self._events.get(), timeout)
                event()
            while True:
                self._events.get_nowait()()
        except (asyncio.QueueEmpty, TimeoutError):
            pass

    def _act(self) -> None:
        ledger, now = self._ledger, self._now()
        ledger.time_is(now)
        if ledger.fatal is not None:
            # Before the caller hears of it, and makes room for frames that would only fail as well.
            self._stopped.set()
        if ledger.take_drop() or ledger.fatal is not None:
            self._drop()
        if ledger.take_leave() and self._call is not None:
            self._call.requests.put_nowait(None)
        if ledger.take_open(now):
            self._call = _Call()
            self._call.task = asyncio.create_task(self._read(self._call))
            self._readers.add(self._call.task)
            self._call.task.add_done_callback(self._readers.discard)
        info = self._connection.info
        limit = info.limits.max_message_bytes if info is not None else None
        for entry in ledger.to_send(now, limit):
            if self._call is not None:
                self._call.requests.put_nowait(entry)
        for outcome in ledger.take_outcomes():
            self._outcomes.put_nowait(outcome)

    def _drop(self) -> None:
        if self._call is not None and self._call.task is not None:
            self._call.task.cancel()
        self._call = None

    async def _say_goodbye(self) -> None:
        """Lets a finished call end by itself."""
        if self._call is not None and self._call.task is not None and self._ledger.fatal is None:
            self._call.requests.put_nowait(None)
            await asyncio.wait({self._call.task}, timeout=_GOODBYE)

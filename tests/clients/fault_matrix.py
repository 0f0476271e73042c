"""The faults that every client must survive, and what can be known of each outcome beforehand.

A fault that hits the first connection alone is one that the network recovers from: each frame must have its result. One
that hits every connection must end in errors, in time. What a flipped bit does to a score cannot be known to a client
without TLS, and nothing is asserted of it; a picture, its name and the protocol's frames are checked, and asserted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fault_proxy import Fault

UP = 20_000  # bytes to the server: inside the first picture
LATER = 100_000  # inside the second
SIDE = 256  # of a picture of 65,536 bytes
MARK = b"<-- here a network flips bits -->"  # in the picture's pixels
DAMAGED = b"<-- here a network flips bytes ->"


@dataclass(frozen=True)
class Scenario:
    """`faults` are those of the first connections; with `for_ever` the last of them is that of all further ones too."""

    name: str
    faults: tuple[Fault, ...]
    for_ever: bool = False
    tls: bool = False
    sent_again: bool | None = None  # a frame must (True) or must not (False) have been sent more than once
    marker: str = ""  # "sha256", "frame_id": the fault replaces that of the reply
    side: int = SIDE
    connect_timeout_s: float = 3
    asyncio: bool = False  # the asynchronous client goes through it too

    @property
    def damages_a_message(self) -> bool:
        """Its framing stays whole: only the client's own checks see it."""
        return any(fault.kind == "replace" for fault in self.faults)

    @property
    def succeeds(self) -> bool:
        return not self.for_ever or self.sent_again is False


def _both(
    name: str,
    fault: Fault,
    *,
    sent_again: bool | None,
    tls: bool = False,
    marker: str = "",
    asyncio: bool = False,
) -> list[Scenario]:
    """The fault on the first connection, and for ever."""
    once = Scenario(f"{name}, once", (fault,), tls=tls, sent_again=sent_again, marker=marker, asyncio=asyncio)
    return [once, replace(once, name=f"{name}, for ever", for_ever=True, sent_again=sent_again or None)]


def _silent(name: str, fault: Fault, *, sent_again: bool | None, asyncio: bool = False) -> list[Scenario]:
    """Nobody tells of a silence: gRPC gives up a connection that is not made after 20 s, and one that was, by keepalive."""
    once, for_ever = _both(name, fault, sent_again=sent_again, asyncio=asyncio)
    return [replace(once, connect_timeout_s=28), for_ever]


SCENARIOS = [
    Scenario("no fault", (), sent_again=False, asyncio=True),
    Scenario("tiny segments", (Fault("tiny", "up"),), for_ever=True, sent_again=False, side=64),
    Scenario("tiny segments back", (Fault("tiny", "down"),), for_ever=True, sent_again=False, side=64),
    Scenario("a slow network", (Fault("delay", "up", seconds=0.05),), for_ever=True, sent_again=False),
    Scenario("two connections refused", (Fault("refuse"), Fault("refuse"))),
    Scenario("refused, for ever", (Fault("refuse"),), for_ever=True),
    *_both("reset at the first byte", Fault("reset", "up"), sent_again=None),
    *_both("closed in a picture", Fault("close", "up", UP), sent_again=True),
    *_both("reset in a picture", Fault("reset", "up", UP), sent_again=True, asyncio=True),
    *_both("half closed to the server", Fault("half_close", "up", UP), sent_again=True),
    Scenario("reset in the second picture, once", (Fault("reset", "up", LATER),), sent_again=True),
    Scenario("reset in a picture, three times", (Fault("reset", "up", UP),) * 3, sent_again=True),
    *_both("half closed to the client", Fault("half_close", "down", 200), sent_again=None),
    *_both("reset in a reply", Fault("reset", "down", 200), sent_again=None),
    *_silent("silent from the first byte", Fault("stall", "up"), sent_again=None),
    *_silent("silent in a picture", Fault("stall", "up", UP), sent_again=True, asyncio=True),
    *_silent("silent in a reply", Fault("stall", "down", 200), sent_again=None),
    *_both("the preface damaged", Fault("corrupt", "up", 0, length=4), sent_again=None),
    *_both("the server's first frame damaged", Fault("corrupt", "down", 0, length=9), sent_again=None),
    *_both("a pixel damaged", Fault("replace", "up", marker=MARK, by=DAMAGED, times=1), sent_again=True, asyncio=True),
    # The markers of these two are those of the frames that are sent.
    *_both("another picture's reply", Fault("replace", "down", marker=b"-", by=b"-"), sent_again=True, marker="sha256"),
    *_both("another frame's reply", Fault("replace", "down", marker=b"-", by=b"-"), sent_again=True, marker="frame_id"),
    *_both("the handshake damaged", Fault("corrupt", "up", 10, length=4), sent_again=None, tls=True),
    *_both("a record damaged", Fault("corrupt", "up", UP), sent_again=True, tls=True, asyncio=True),
    # Replies that came before it are good ones, so there is no "for ever".
    Scenario("a reply's record damaged, once", (Fault("corrupt", "down", 3000),), tls=True),
]

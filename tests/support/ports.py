"""Ports for servers that are started as processes of their own."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress
from threading import Lock

# Below those that the system lends to clients, one of which might get it before the server does.
_PORTS = range(20_000, 32_768)

_claims: list[socket.socket] = []
_lock = Lock()


def _claim(port: int) -> bool:
    """Whether nobody who asked here has the port yet; it is taken then until this process ends. TCP cannot tell, for the
    server that the port is for listens only when it has loaded its model. The UDP port of the same number, which nobody uses,
    can, and suites that run beside this one see it too."""
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def free_port(hosts: tuple[str, ...] = ("127.0.0.1",)) -> int:
    """A TCP port that nobody listens on at any of the IPv4 addresses, and that is not given again while this process lives,
    used or not. Safe in several threads. RuntimeError: a thousand ports were tried."""
    for port in random.sample(_PORTS, 1000):
        with _lock, ExitStack() as probes, suppress(OSError):
            for host in hosts:
                probes.enter_context(socket.socket()).bind((host, port))
            if _claim(port):
                return port
    raise RuntimeError(
        f"of a thousand ports from {_PORTS.start} to {_PORTS.stop - 1} none is free on {', '.join(hosts)}"
    )

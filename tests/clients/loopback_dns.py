"""A name server on 127.0.0.1 whose answers change while clients use it.

with LoopbackDns({"fleet.test": ["127.0.0.1", "127.0.0.2"]}) as dns:
    target = dns.target("fleet.test", port)   # dns://127.0.0.1:5353/fleet.test:50051
    dns.set("fleet.test", ["127.0.0.3"])
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

TTL_S = 0  # nobody may keep an answer


class LoopbackDns(BaseResolver):
    """Answers A with a name's addresses, AAAA and all else with none; other names with NXDOMAIN. Thread-safe."""

    def __init__(self, names: dict[str, Sequence[str]]) -> None:
        self._lock = threading.Lock()
        self._names = {name.lower(): tuple(addresses) for name, addresses in names.items()}
        self._asked = 0
        quiet = DNSLogger(log="", prefix=False)
        self._server = DNSServer(self, address="127.0.0.1", port=0, logger=quiet)
        self.port: int = self._server.server.server_address[1]

    def set(self, name: str, addresses: Sequence[str]) -> None:
        with self._lock:
            self._names[name.lower()] = tuple(addresses)

    @property
    def asked(self) -> int:
        """Questions for addresses so far."""
        with self._lock:
            return self._asked

    def target(self, name: str, port: int) -> str:
        """For gRPC: this name server, and nobody else, is asked for the name."""
        return f"dns://127.0.0.1:{self.port}/{name}:{port}"

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        reply = request.reply()
        name = str(request.q.qname).rstrip(".").lower()
        with self._lock:
            addresses = self._names.get(name)
            self._asked += request.q.qtype == QTYPE.A
        if addresses is None:
            reply.header.rcode = RCODE.NXDOMAIN
        elif request.q.qtype == QTYPE.A:
            for address in addresses:
                reply.add_answer(RR(request.q.qname, QTYPE.A, ttl=TTL_S, rdata=A(address)))
        return reply

    def __enter__(self) -> Self:
        self._server.start_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._server.server.server_close()

"""The name server answers what it was told, and changes its mind at once."""

from __future__ import annotations

import socket

from dnslib import QTYPE, RCODE, DNSRecord
from loopback_dns import LoopbackDns


def ask(dns: LoopbackDns, name: str, kind: str = "A") -> DNSRecord:
    return DNSRecord.parse(DNSRecord.question(name, kind).send("127.0.0.1", dns.port, timeout=5))


def test_answers_with_the_addresses_of_now() -> None:
    with LoopbackDns({"fleet.test": ["127.0.0.1", "127.0.0.2"]}) as dns:
        assert [str(answer.rdata) for answer in ask(dns, "Fleet.test").rr] == ["127.0.0.1", "127.0.0.2"]
        dns.set("fleet.test", ["127.0.0.3"])
        assert [str(answer.rdata) for answer in ask(dns, "fleet.test").rr] == ["127.0.0.3"]
        assert dns.asked == 2


def test_has_no_other_kinds_and_no_other_names() -> None:
    with LoopbackDns({"fleet.test": ["127.0.0.1"]}) as dns:
        assert (ask(dns, "fleet.test", "AAAA").rr, ask(dns, "fleet.test", "AAAA").header.rcode) == ([], RCODE.NOERROR)
        assert ask(dns, "other.test").header.rcode == RCODE.NXDOMAIN
        assert ask(dns, "fleet.test").q.qtype == QTYPE.A


def test_survives_rubbish() -> None:
    with LoopbackDns({"fleet.test": ["127.0.0.1"]}) as dns:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rubbish:
            rubbish.sendto(b"\x00\x01rubbish", ("127.0.0.1", dns.port))
        assert len(ask(dns, "fleet.test").rr) == 1

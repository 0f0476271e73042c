"""Ports for servers: of those that were given none is given again, here or in a suite that runs beside this one."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from collections.abc import Iterator

import ports
import pytest

OTHER = f"""
import random, sys
sys.path.insert(0, {ports.__file__.rpartition("/")[0]!r})
import ports
random.sample = lambda population, number: [int(sys.argv[1])]
print(ports.free_port(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def candidates(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What is tried, in this order, by whoever asks for a port: two that are free."""
    tried = [ports.free_port(), ports.free_port()]
    for claim in ports._claims[-2:]:
        claim.close()
    del ports._claims[-2:]
    monkeypatch.setattr(random, "sample", lambda population, number: tried)
    yield tried


def test_a_port_is_given_once_though_nobody_listens_yet(candidates: list[int]) -> None:
    assert [ports.free_port(), ports.free_port()] == candidates
    with pytest.raises(RuntimeError, match=r"20000 to 32767 none is free on 127\.0\.0\.1"):
        ports.free_port()


def test_a_port_that_another_process_has_been_given_is_not_given(candidates: list[int]) -> None:
    command = [sys.executable, "-c", OTHER, str(candidates[0])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert int(other.stdout.readline()) == candidates[0]
        assert ports.free_port() == candidates[1]
        other.communicate()
    assert ports.free_port() == candidates[0]


def test_a_port_that_is_listened_on_at_one_of_the_addresses_is_not_given(candidates: list[int]) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.2", candidates[0]))
        server.listen()
        assert ports.free_port(("127.0.0.1", "127.0.0.2")) == candidates[1]
    assert ports.free_port(("127.0.0.1", "127.0.0.2")) == candidates[0]

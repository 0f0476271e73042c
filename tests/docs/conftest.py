"""The default ports are free here, because nobody else is on this loopback: scripts/test_docs.sh sees to that."""

from __future__ import annotations

import fcntl
import socket
import struct

import pytest
from checkout import PROGRAMS, programs_folder
from terminal import Finished

GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1  # of linux/sockios.h and linux/if.h
COMMANDS_SHOWN = 10

slowest = pytest.StashKey[list[Finished]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[slowest] = []


@pytest.fixture(scope="session")
def own_network() -> None:
    """With the loopback up. Fails where other servers could be in the way, or could be reached by mistake."""
    # Some kernels put tunnels into every new network; they are down.
    names = [name for _, name in socket.if_nameindex() if name != "lo" and interface_flags(name) & UP]
    if names:
        pytest.fail(f"there is a network here ({', '.join(names)}); scripts/test_docs.sh makes one without anybody")
    interface_flags("lo", UP)


def interface_flags(name: str, more: int = 0) -> int:
    """The flags of the network interface, after `more` were set."""
    with socket.socket() as any_socket:
        request = struct.pack("16sH14x", name.encode(), 0)
        flags: int = struct.unpack("16sH14x", fcntl.ioctl(any_socket, GET_FLAGS, request))[1]
        if more:
            fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", name.encode(), flags | more))
    return flags | more


@pytest.fixture(scope="session")
def programs() -> None:
    missing = [name for name in PROGRAMS if not (programs_folder() / name).is_file()]
    if missing:
        pytest.fail(f"{programs_folder()} has no {', '.join(missing)} (make programs; PROGRAMS_FOLDER names another)")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    commands = config.stash[slowest]
    commands.sort(key=lambda finished: -finished.seconds)
    if commands:
        terminalreporter.section("slowest commands")
    for finished in commands[:COMMANDS_SHOWN]:
        terminalreporter.line(f"{finished.seconds:6.1f} s  {finished.command.splitlines()[0]}")

"""`bayespfl-server` as a process, for the tests beside this file."""

from __future__ import annotations

import os
import re
import subprocess
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("PROGRAMS_FOLDER", REPOSITORY / "build" / "bin"))
MODEL = REPOSITORY / "assets" / "demo" / "model"
IMAGES = REPOSITORY / "assets" / "demo" / "images"


class Server:
    """`bayespfl-server` on free ports, ready when the constructor returns."""

    def __init__(self) -> None:
        command = [BIN / "bayespfl-server", "--model", MODEL, "--port", "0", "--http-port", "0", "--log-level", "off"]
        command += ["--drain-delay-seconds", "0"]
        command += ["--compute-threads", "1"]  # threads that wait for each other crawl on a busy machine
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if match := re.match(r"bayespfl-server: gRPC listening on (.*)", line):
                self.address = match[1]
            if line.startswith("bayespfl-server: ready"):
                return
        raise RuntimeError(f"bayespfl-server ended before it was ready, exit code {self._process.wait()}")

    def stop(self) -> int:
        self._process.terminate()
        self._process.communicate()
        return self._process.returncode


class ServerTest(unittest.TestCase):
    """One server for all tests of a class; that it stops cleanly belongs to each of them."""

    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()

    @classmethod
    def tearDownClass(cls) -> None:
        code = cls.server.stop()
        if code != 0:
            raise RuntimeError(f"bayespfl-server ended with exit code {code}")

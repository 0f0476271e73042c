"""A camera: our Python client, with a frame every so often, until its standard input ends. Prints a JSON line for each outcome,
and at its end one that says how many frames it gave the client.

camera.py '{"target": …, "picture": …, "interval": …, "timeout": …, "ca": …, "token": …}'
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import bayespfl


class Shutter:
    """The frames, one every interval; `taken` says how many there were."""

    def __init__(self, job: dict[str, Any], ended: threading.Event) -> None:
        self._job = job
        self._ended = ended
        self.taken = 0

    def __iter__(self) -> Iterator[bayespfl.Frame]:
        while not self._ended.wait(self._job["interval"]):
            number, self.taken = self.taken, self.taken + 1
            yield bayespfl.Frame(self._job["picture"], frame_id=f"{self._job['name']}/{number}", tag=number)


def main() -> None:
    job = json.loads(sys.argv[1])
    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    shutter = Shutter(job, ended)
    with bayespfl.Inspector(
        job["target"],
        tls=job["ca"],
        token=job["token"],
        timeout=job["timeout"],
        wait_for_ready=True,
        dns_min_interval=1,
    ) as inspector:
        for outcome in inspector.stream(shutter, "leather", max_in_flight=4):
            line = {
                "tag": outcome.tag,
                "ok": outcome.ok,
                "attempts": outcome.attempts,
                "error": str(outcome.error or ""),
            }
            if outcome.ok:
                line |= {"verdict": outcome.result.verdict.name, "latency": outcome.latency}
            print(json.dumps(line), flush=True)
    print(json.dumps({"taken": shutter.taken}), flush=True)


if __name__ == "__main__":
    main()

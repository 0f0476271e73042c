"""A camera: our Python client, with a frame every so often, until its standard input ends. Prints a JSON line for each outcome.

camera.py '{"target": …, "picture": …, "interval": …, "timeout": …, "ca": …, "token": …}'
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import bayespfl


def frames(job: dict[str, Any], ended: threading.Event) -> Iterator[bayespfl.Frame]:
    number = 0
    while not ended.wait(job["interval"]):
        yield bayespfl.Frame(job["picture"], frame_id=f"{job['name']}/{number}", tag=number)
        number += 1


def main() -> None:
    job = json.loads(sys.argv[1])
    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    with bayespfl.Inspector(
        job["target"],
        tls=job["ca"],
        token=job["token"],
        timeout=job["timeout"],
        wait_for_ready=True,
        dns_min_interval=1,
    ) as inspector:
        for outcome in inspector.stream(frames(job, ended), "leather", max_in_flight=4):
            line = {
                "tag": outcome.tag,
                "ok": outcome.ok,
                "attempts": outcome.attempts,
                "error": str(outcome.error or ""),
            }
            if outcome.ok:
                line |= {"verdict": outcome.result.verdict.name, "latency": outcome.latency}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

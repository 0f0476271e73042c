"""Inspects every picture that appears in a folder, and moves it into a folder of its verdict.

    python folder_watcher.py incoming --category leather --server 127.0.0.1:50051

Whoever writes the pictures should write them under another name and rename them, so that none is seen half written.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import bayespfl

PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".tif", ".tiff", ".webp"}


def is_picture(file: Path) -> bool:
    """By its name; hidden files are none, such as the "._a.jpg" that macOS leaves beside "a.jpg"."""
    return file.suffix.lower() in PICTURES and not file.name.startswith(".")


def new_pictures(folder: Path, interval: float, stop_after: int | None) -> Iterator[bayespfl.Frame]:
    """Every picture of the folder once, the oldest first; waits for more."""
    seen: set[Path] = set()
    while True:
        found = [file for file in folder.iterdir() if is_picture(file) and file not in seen]
        for file in sorted(found, key=lambda file: file.stat().st_mtime):
            seen.add(file)
            yield bayespfl.Frame(file, frame_id=file.name, tag=file)
            if stop_after is not None and len(seen) >= stop_after:
                return
        time.sleep(interval)


def watch(inspector: bayespfl.Inspector, folder: Path, category: str, interval: float, stop_after: int | None) -> None:
    """Runs until the stream ends as a whole; a picture that cannot be inspected goes to "failed"."""
    for outcome in inspector.stream(new_pictures(folder, interval, stop_after), category):
        name = outcome.result.verdict.name.lower() if outcome.ok else "failed"
        target = folder / name
        target.mkdir(exist_ok=True)
        outcome.tag.rename(target / outcome.tag.name)
        print(f"{outcome.tag.name}: {name}{'' if outcome.ok else f' ({outcome.error})'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--category", required=True)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between two looks")
    parser.add_argument("--stop-after", type=int, help="end after so many pictures")
    arguments = parser.parse_args()
    # A PC at the line may start before the server does.
    with bayespfl.Inspector(arguments.server, wait_for_ready=True) as inspector:
        watch(inspector, arguments.folder, arguments.category, arguments.interval, arguments.stop_after)


if __name__ == "__main__":
    main()

"""Inspects the frames of a video or a camera with OpenCV, and prints a line for each.

python video.py line.mp4 --category leather          # every frame
python video.py 0 --category leather --latest        # camera 0: what the server cannot keep up with is skipped
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import cv2

import bayespfl


def frames(source: str) -> Iterator[bayespfl.Frame]:
    """The frames of a file, or of the camera with that number; B, G, R, as OpenCV has them."""
    capture = cv2.VideoCapture(int(source) if source.isdecimal() else source)
    if not capture.isOpened():
        raise SystemExit(f"cannot open {source}")
    try:
        number = 0
        while True:
            there, pixels = capture.read()
            if not there:
                return
            yield bayespfl.Frame(pixels, frame_id=f"{source}/{number}", camera_id=source, tag=number)
            number += 1
    finally:
        capture.release()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--category", required=True)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--latest", action="store_true", help="let the server skip frames that it cannot keep up with")
    arguments = parser.parse_args()
    with bayespfl.Inspector(arguments.server) as inspector:
        outcomes = inspector.stream(
            frames(arguments.source),
            arguments.category,
            pixel_format="BGR8",
            flow="latest" if arguments.latest else "block",
            mask=False,
        )
        for outcome in outcomes:
            if outcome.ok:
                print(f"{outcome.tag}: {outcome.result.verdict} {outcome.result.score:.3f}", flush=True)
            else:
                print(f"{outcome.tag}: {'skipped' if outcome.skipped else outcome.error}", flush=True)


if __name__ == "__main__":
    main()

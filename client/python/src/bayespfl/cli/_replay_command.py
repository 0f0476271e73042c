"""`bayespfl replay`."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

from bayespfl._pictures import RawPicture
from bayespfl._replay import Agreement, compare, find_result_line
from bayespfl._result_line import Recorded, parse_result_line, recorded_of
from bayespfl._text import one_line
from bayespfl.cli._arguments import add_connection_flags, connect, print_error, report_server_error
from bayespfl.cli._exit_codes import Exit
from bayespfl.errors import InspectionError


def _read_record(parsed: argparse.Namespace) -> Recorded:
    if parsed.line == "-":
        return parse_result_line(find_result_line(sys.stdin, parsed.result_id, "standard input"))
    with open(parsed.line, encoding="utf-8", errors="replace") as log:
        return parse_result_line(find_result_line(log, parsed.result_id, parsed.line))


def _picture(recorded: Recorded, data: bytes) -> bytes | RawPicture:
    """The bytes with the geometry that they had."""
    raw = recorded.raw
    if raw is None:
        return data
    return RawPicture(
        data,
        width=raw.width,
        height=raw.height,
        stride=raw.stride,
        pixel_format=raw.pfnc_pixel_format,
        significant_bits=recorded.significant_bits,
        max_trailing_bytes=raw.max_trailing_bytes,
    )


def _run(parsed: argparse.Namespace) -> Exit:
    try:
        recorded = _read_record(parsed)
        data = Path(parsed.picture).read_bytes()
    except OSError as error:
        print_error(f"cannot read {error.filename}: {error.strerror}")
        return Exit.LOCAL
    except ValueError as error:
        print_error(str(error))
        return Exit.LOCAL
    digest = hashlib.sha256(data).hexdigest()
    if digest != recorded.picture_sha256:
        print(f"not the picture of that result: its SHA-256 is {digest}, the recorded one {recorded.picture_sha256}")
        return Exit.EXCEEDED
    client = connect(parsed)
    if client is None:
        return Exit.LOCAL
    with client:
        try:
            result = client.inspect(
                _picture(recorded, data),
                recorded.category,
                significant_bits=recorded.significant_bits if recorded.raw is None else 0,
                apply_orientation=recorded.apply_orientation,
                frame_id=f"replay-{recorded.result_id}",
                object=recorded.object,
                model=recorded.model or None,
                samples=recorded.samples,
                seed=recorded.seed,
                mask_threshold=recorded.mask_threshold,
                mask=False,
            )
        except InspectionError as error:
            return report_server_error(client, error)
    comparison = compare(recorded, recorded_of(result, recorded))
    print("\n".join(map(one_line, comparison.text().split("\n"))))
    return Exit.EXCEEDED if comparison.agreement is Agreement.DIFFERENT else Exit.OK


def add_replay_command(commands: Any) -> None:
    """Adds itself to the program."""
    command = commands.add_parser(
        "replay",
        help="Inspect a picture as it was, and compare with the result then",
        epilog="Exit codes: 0 equal to the bit, or within the documented tolerance; 1 wrong usage, a local error or a "
        "refusal; 2 different, or another picture; 3 the server cannot be reached or is not serving.",
    )
    command.add_argument(
        "line", help='File with a line of the server\'s result log, or of `inspect --json`; "-": standard input'
    )
    command.add_argument("picture", help="The picture that was inspected, byte for byte")
    command.add_argument("--result-id", metavar="ID", default="", help="Which result of a log with many lines")
    add_connection_flags(command, 60, "Longest wait for the answer")
    command.set_defaults(run=_run)

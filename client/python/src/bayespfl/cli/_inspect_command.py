"""`bayespfl inspect`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayespfl import _png
from bayespfl._client import Inspector
from bayespfl._frames import Frame
from bayespfl._options import Options
from bayespfl._text import one_line
from bayespfl.cli._arguments import (
    add_connection_flags,
    connect,
    is_no_answer,
    number,
    print_error,
    report_server_error,
    whole_number,
)
from bayespfl.cli._exit_codes import EXIT_CODE_HELP, Exit
from bayespfl.cli._inputs import Input, collect_inputs, read_manifest
from bayespfl.cli._output_names import OutputNames
from bayespfl.cli._picture_files import LeftOut
from bayespfl.cli._reports import Answer, JsonReporter, Reporter, TableReporter
from bayespfl.errors import InspectionError
from bayespfl.results import Result, Verdict

_LONGEST_NAME = 256  # bytes, of category and object: the server's own limit


def _check_sources(parsed: argparse.Namespace) -> None:
    if bool(parsed.manifest) == bool(parsed.pictures):
        raise ValueError("name pictures and their --category, or a --manifest: one of the two")
    if parsed.manifest and parsed.category:
        raise ValueError("--category goes with pictures; a manifest has its own")
    if parsed.manifest and parsed.object is not None:
        raise ValueError("--object goes with pictures; a manifest has a column of that name")
    if not parsed.manifest and not parsed.category:
        raise ValueError("--category is missing: what do the pictures show?")
    if parsed.latest and not parsed.stream:
        raise ValueError("--latest needs --stream")
    if parsed.regions and not parsed.json:
        raise ValueError("--regions needs --json")
    if parsed.output is not None:
        try:
            from bayespfl import _pillow  # noqa: F401
        except ImportError as error:
            raise ValueError(f"--output: {error}") from error


def _check_name(what: str, text: str) -> None:
    """So that a slip of the keyboard is told before a thousand pictures are sent."""
    if not text.strip() or len(text.encode("utf-8", "surrogateescape")) > _LONGEST_NAME:
        raise ValueError(f"{what} must have 1..{_LONGEST_NAME} bytes, and not only of white space")


def _inputs(parsed: argparse.Namespace) -> list[Input]:
    _check_sources(parsed)
    output = Path(parsed.output) if parsed.output is not None else None
    left_out = LeftOut()
    inputs = (
        read_manifest(Path(parsed.manifest))
        if parsed.manifest
        else collect_inputs(parsed.pictures, parsed.category, parsed.object, output, left_out)
    )
    if sentence := left_out.sentence():
        print_error(sentence)
    for picture in inputs:
        _check_name(f"the category of {picture.name}", picture.category)
        if picture.object is not None:
            _check_name(f"the object of {picture.name}", picture.object)
    return inputs


def _options(parsed: argparse.Namespace, object_: str | None) -> Options:
    pictures = parsed.output is not None
    return Options(
        object=object_,
        model=parsed.model,
        samples=parsed.samples,
        seed=parsed.seed,
        random_seed=parsed.random_seed,
        mask_threshold=parsed.mask_threshold,
        regions=parsed.regions,
        priority=parsed.priority,
        anomaly_map="png8" if pictures else False,
        mask=pictures,
        inspected_picture="png" if pictures else False,
    )


class _Run:
    """Inspects the inputs and reports them in their order."""

    def __init__(self, client: Inspector, inputs: list[Input], parsed: argparse.Namespace, reporter: Reporter) -> None:
        self._client = client
        self._inputs = inputs
        self._parsed = parsed
        self._reporter = reporter
        self._reported = 0
        self._failed = 0
        self._exceeded = 0
        self._without_verdict: set[str] = set()
        self._broken: InspectionError | None = None
        self._output_errors: list[str] = []
        self._files: list[tuple[Path, Path]] = []
        if parsed.output is not None:
            names = OutputNames(Path(parsed.output))
            for picture in inputs:
                if isinstance(picture.picture, Path):
                    names.protect(picture.picture)
            self._files = [names.take(picture.file) for picture in inputs]

    def run(self) -> Exit:
        """Everything; returns the exit code."""
        started = time.monotonic()
        if self._parsed.stream:
            self._stream()
        else:
            self._one_by_one()
        if self._broken is not None:
            for picture in self._inputs[self._reported :]:
                self._reporter.unanswered(picture, self._broken)
        self._reporter.finish(time.monotonic() - started)
        return self._exit_code()

    def _bits(self, picture: Input) -> int:
        return picture.significant_bits or int(self._parsed.significant_bits)

    def _one_by_one(self) -> None:
        for picture in self._inputs:
            options = _options(self._parsed, picture.object)
            fields = {name: getattr(options, name) for name in Options.__dataclass_fields__}
            started = time.monotonic()
            try:
                result = self._client.inspect(
                    picture.picture,
                    picture.category,
                    significant_bits=self._bits(picture),
                    apply_orientation=self._parsed.apply_orientation,
                    **fields,
                )
            except InspectionError as error:
                if is_no_answer(error) and error.code.name == "UNAVAILABLE":
                    self._broken = error  # it would fail for every further picture
                    return
                self._report(Answer(None, error, False, time.monotonic() - started, error.attempts))
            else:
                attempts = result.frame.attempt + 1
                self._report(Answer(result, None, False, time.monotonic() - started, attempts))

    def _frames(self) -> Iterator[Frame]:
        for picture in self._inputs:
            yield Frame(
                picture.picture,
                picture.category,
                options=_options(self._parsed, picture.object),
                apply_orientation=self._parsed.apply_orientation,
                significant_bits=self._bits(picture),
            )

    def _stream(self) -> None:
        flow = "latest" if self._parsed.latest else "block"
        outcomes = self._client.stream(
            self._frames(),
            max_in_flight=self._parsed.in_flight,
            flow=flow,  # type: ignore[arg-type]
            mask=self._parsed.output is not None,
        )
        try:
            for outcome in outcomes:
                result = outcome.result if outcome.ok else None
                self._report(Answer(result, outcome.error, outcome.skipped, outcome.latency, outcome.attempts))
        except InspectionError as error:
            self._broken = error

    def _report(self, answer: Answer) -> None:
        picture = self._inputs[self._reported]
        if answer.result is not None:
            self._count(picture, answer.result)
            if self._files:
                self._write(picture, answer.result, *self._files[self._reported])
        elif answer.error is not None:
            self._failed += 1
        self._reported += 1
        self._reporter.report(picture, answer)

    def _count(self, picture: Input, result: Result) -> None:
        threshold = {"review": Verdict.REVIEW, "fail": Verdict.FAIL}.get(self._parsed.fail_on)
        if threshold is not None and result.verdict is Verdict.NONE:
            self._without_verdict.add(picture.category)
        by_verdict = threshold is not None and result.verdict >= threshold
        by_score = self._parsed.fail_above is not None and result.score > self._parsed.fail_above
        self._exceeded += by_verdict or by_score

    def _write(self, picture: Input, result: Result, overlay: Path, mask: Path) -> None:
        from bayespfl import _pillow

        if result.mask is None:
            self._output_errors.append(f"{picture.name}: the reply has no mask")
            return
        try:
            overlay.parent.mkdir(parents=True, exist_ok=True)
            mask.write_bytes(_png.encode_gray8(result.mask.astype(np.uint8) * np.uint8(255)))
            overlay.write_bytes(_pillow.encode_png(result.overlay()))
        except (OSError, ValueError) as error:
            self._output_errors.append(f"{picture.name}: {error}")

    def _exit_code(self) -> Exit:
        for text in self._output_errors:
            print_error(text)
        broken = Exit.OK
        if self._broken is not None:
            broken = report_server_error(self._client, self._broken)
            # The server was there and ended the stream for a reason of its own: frames failed.
            if broken is not Exit.UNREACHABLE:
                broken = Exit.FRAMES
        if self._output_errors:
            return Exit.LOCAL
        if broken is not Exit.OK:
            return broken
        for category in sorted(self._without_verdict):
            print_error(
                f'no verdict for the category "{one_line(category)}": the model has no lines for it; calibrate it with '
                "bayespfl-model calibrate, or give --fail-above a number"
            )
        if self._failed or self._without_verdict:
            return Exit.FRAMES
        return Exit.EXCEEDED if self._exceeded else Exit.OK


def _run(parsed: argparse.Namespace) -> Exit:
    try:
        inputs = _inputs(parsed)
    except ValueError as error:
        print_error(str(error))
        return Exit.LOCAL
    client = connect(parsed)
    if client is None:
        return Exit.LOCAL
    with client:
        reporter: Reporter = TableReporter(inputs)
        if parsed.json:
            reporter = JsonReporter(
                significant_bits=parsed.significant_bits, apply_orientation=parsed.apply_orientation
            )
        return _Run(client, inputs, parsed, reporter).run()


def _add_what(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "pictures",
        nargs="*",
        help='Files; folders (every picture below them); "-" for one picture\'s bytes on standard input',
    )
    command.add_argument(
        "--category", metavar="NAME", help='The product, as it was calibrated; or what it is, e.g. "metal nut"'
    )
    command.add_argument(
        "--object",
        metavar="WORDS",
        help="What the pictures show, in words (default: as the category was calibrated, else the category)",
    )
    command.add_argument(
        "--manifest",
        metavar="CSV",
        help="CSV file with the columns image, category and, if need be, object and significant_bits",
    )
    command.add_argument(
        "--apply-orientation",
        action="store_true",
        help="Turn JPEG, PNG and WebP pictures upright as their EXIF data says (TIFF always is)",
    )
    command.add_argument(
        "--significant-bits",
        metavar="N",
        type=whole_number(9, 16),
        default=0,
        help="Of 16-bit pictures: how many low bits the sensor fills, 9..16 (default: all 16)",
    )


def _add_how(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stream", action="store_true", help="Send all pictures through one stream: faster for many")
    command.add_argument(
        "--in-flight",
        metavar="N",
        type=whole_number(1, 1024),
        default=8,
        help="Frames of the stream that may wait for their answer (default: 8)",
    )
    command.add_argument(
        "--latest", action="store_true", help="Let the server skip the oldest waiting frames when it cannot keep up"
    )
    command.add_argument("--priority", choices=("high", "normal", "low"), help="Who is served first (default: normal)")
    command.add_argument("--model", metavar="NAME", help="Which of the server's models (default: its default)")
    command.add_argument(
        "--samples",
        metavar="N",
        type=whole_number(1, 64),
        help="Draws of the prompt distributions, 1..64 (default: as the category was calibrated, else the model's)",
    )
    seeds = command.add_mutually_exclusive_group()
    seeds.add_argument(
        "--seed",
        metavar="N",
        type=whole_number(0, 2**64 - 1),
        help="Key of the draws (default: as the category was calibrated, else 0)",
    )
    seeds.add_argument("--random-seed", action="store_true", help="Let the server draw a seed for each picture")
    command.add_argument(
        "--mask-threshold",
        metavar="X",
        type=number(0, 1),
        help="Mask where the map reaches this, 0..1 (default: the category's, else the model's)",
    )


def _add_results(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="Print one JSON object per line instead of a table")
    command.add_argument("--regions", action="store_true", help="Print the regions of each mask too (with --json)")
    command.add_argument("--output", metavar="DIR", help="Write an overlay and a mask per picture into this folder")
    command.add_argument(
        "--fail-on",
        choices=("review", "fail"),
        help="Exit with 2 when a verdict is at least that, with 4 when a picture has none",
    )
    command.add_argument(
        "--fail-above", metavar="SCORE", type=number(0, 1), help="Exit with 2 when a score is higher than this, 0..1"
    )


def add_inspect_command(commands: Any) -> None:
    """Adds itself to the program."""
    command = commands.add_parser("inspect", help="Inspect pictures", epilog=EXIT_CODE_HELP)
    _add_what(command)
    _add_how(command)
    _add_results(command)
    add_connection_flags(command, 60, "Longest wait for one picture")
    command.set_defaults(run=_run)

"""The pictures that a command line or a manifest names. ValueError, with a sentence, for those that cannot be found."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from bayespfl.cli._picture_files import LeftOut, pictures_below

_LARGEST_MANIFEST = 64 << 20  # bytes


@dataclass(frozen=True)
class Input:
    """One picture to inspect."""

    name: str  # what results call it
    picture: Path | bytes  # bytes: from standard input
    category: str
    object: str | None  # None: the server chooses
    file: str  # for the names of result files: relative, without ".."; inputs may share it
    significant_bits: int = 0  # of 16-bit samples, 9..16; 0: the run's, if it has any


def _display_name(path: PurePath) -> str:
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _told_apart(inputs: list[Input]) -> list[Input]:
    """By their paths where two files share a name, as "000.jpg" of two folders do."""
    paths: dict[str, Path | bytes] = {}
    if all(paths.setdefault(one.name, one.picture) == one.picture for one in inputs):
        return inputs
    return [replace(one, name=str(one.picture)) if isinstance(one.picture, Path) else one for one in inputs]


def collect_inputs(
    arguments: Sequence[str],
    category: str,
    object_: str | None,
    exclude: Path | None,
    left_out: LeftOut | None = None,
) -> list[Input]:
    """Of files, folders (every picture below them, but not below `exclude`) and "-", in this order.

    `left_out` counts what the folders hold besides.
    """
    left_out = left_out if left_out is not None else LeftOut()
    if list(arguments).count("-") > 1:
        raise ValueError('"-" may be given once: standard input holds one picture')
    inputs = []
    for argument in arguments:
        path = Path(argument)
        if argument == "-":
            data = sys.stdin.buffer.read()
            if not data:
                raise ValueError("standard input holds no picture")
            inputs.append(Input("stdin", data, category, object_, "stdin"))
        elif path.is_dir():
            for file in pictures_below(path, exclude, left_out):
                name = file.relative_to(path).as_posix()
                inputs.append(Input(name, file, category, object_, name))
        elif path.exists():
            name = _display_name(path)
            inputs.append(Input(name, path, category, object_, name))
        else:
            raise ValueError(f"no such file or folder: {argument}")
    return _told_apart(inputs)


def _columns(header: list[str], name: str) -> dict[str, int]:
    """Places of image and category, and of object and significant_bits where there are such columns."""
    names = [column.strip() for column in header]
    wanted = ("image", "category", "object", "significant_bits")
    for column in wanted:
        if names.count(column) > 1:
            raise ValueError(f'{name}: the header names the column "{column}" twice')
    for column in ("image", "category"):
        if column not in names:
            raise ValueError(f'{name}: the header has no column "{column}"')
    return {column: names.index(column) for column in wanted if column in names}


def _bits(text: str, where: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 9 <= int(text) <= 16):
        raise ValueError(f'{where}: significant_bits is "{text}"; expected 9 to 16, or nothing')
    return int(text)


def read_manifest(file: Path) -> list[Input]:
    """A CSV file (RFC 4180) with the columns `image`, `category` and perhaps `object` and `significant_bits`; relative paths
    are from its folder."""
    try:
        if file.stat().st_size > _LARGEST_MANIFEST:
            raise ValueError(f"{file} has more than {_LARGEST_MANIFEST} bytes")
        text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror}") from error
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    inputs = []
    try:
        header = next((row for row in reader if any(field.strip() for field in row)), None)
        if header is None:
            raise ValueError(f'{file} is empty: a header "image,category" must come first')
        columns = _columns(header, str(file))
        image, category = columns["image"], columns["category"]
        for row in reader:
            if not any(field.strip() for field in row):  # spreadsheets write ",," below a table
                continue
            where = f"{file}: line {reader.line_num}"
            if len(row) != len(header):
                raise ValueError(f"{where}: the row has {len(row)} fields, the header {len(header)}")
            if not row[image] or not row[category].strip():
                raise ValueError(f"{where}: the {'category' if row[image] else 'image'} is empty")
            words = row[columns["object"]].strip() if "object" in columns else ""
            bits = _bits(row[columns["significant_bits"]].strip(), where) if "significant_bits" in columns else 0
            name = _display_name(PurePath(row[image]))
            inputs.append(Input(name, file.parent / row[image], row[category].strip(), words or None, name, bits))
    except csv.Error as error:
        raise ValueError(f"{file}: line {reader.line_num}: {error}") from error
    if not inputs:
        raise ValueError(f"{file} has a header and no rows")
    return _told_apart(inputs)

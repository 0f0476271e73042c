"""The pictures that a command line or a manifest names. ValueError, with a sentence, for those that cannot be found."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_LARGEST_MANIFEST = 64 << 20  # bytes


@dataclass(frozen=True)
class Input:
    """One picture to inspect."""

    name: str  # for people, and for the names of the results
    picture: Path | bytes  # bytes: from standard input
    category: str
    object: str | None  # None: the server chooses
    significant_bits: int = 0  # of 16-bit samples, 9..16; 0: the run's, if it has any


def _display_name(path: PurePath) -> str:
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _below(folder: Path, exclude: Path | None) -> list[Path]:
    pictures = []

    def fail(error: OSError) -> None:
        raise ValueError(f"cannot read the folder {error.filename}: {error.strerror}") from error

    for root, folders, files in os.walk(folder, onerror=fail):
        here = Path(root)
        folders[:] = [name for name in folders if exclude is None or (here / name).resolve() != exclude.resolve()]
        pictures += [here / name for name in files if Path(name).suffix.lower() in _EXTENSIONS]
    if not pictures:
        raise ValueError(f"no picture in the folder {folder}")
    return sorted(pictures)


def collect_inputs(arguments: Sequence[str], category: str, object_: str | None, exclude: Path | None) -> list[Input]:
    """Of files, folders (every picture below them, but not below `exclude`) and "-", in this order."""
    if list(arguments).count("-") > 1:
        raise ValueError('"-" may be given once: standard input holds one picture')
    inputs = []
    for argument in arguments:
        path = Path(argument)
        if argument == "-":
            data = sys.stdin.buffer.read()
            if not data:
                raise ValueError("standard input holds no picture")
            inputs.append(Input("stdin", data, category, object_))
        elif path.is_dir():
            for file in _below(path, exclude):
                inputs.append(Input(file.relative_to(path).as_posix(), file, category, object_))
        elif path.exists():
            inputs.append(Input(_display_name(path), path, category, object_))
        else:
            raise ValueError(f"no such file or folder: {argument}")
    return inputs


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
        header = next((row for row in reader if row), None)
        if header is None:
            raise ValueError(f'{file} is empty: a header "image,category" must come first')
        columns = _columns(header, str(file))
        image, category = columns["image"], columns["category"]
        for row in reader:
            if not row:
                continue
            where = f"{file}: line {reader.line_num}"
            if len(row) != len(header):
                raise ValueError(f"{where}: the row has {len(row)} fields, the header {len(header)}")
            if not row[image] or not row[category].strip():
                raise ValueError(f"{where}: the {'category' if row[image] else 'image'} is empty")
            words = row[columns["object"]].strip() if "object" in columns else ""
            bits = _bits(row[columns["significant_bits"]].strip(), where) if "significant_bits" in columns else 0
            name = _display_name(PurePath(row[image]))
            inputs.append(Input(name, file.parent / row[image], row[category].strip(), words or None, bits))
    except csv.Error as error:
        raise ValueError(f"{file}: line {reader.line_num}: {error}") from error
    if not inputs:
        raise ValueError(f"{file} has a header and no rows")
    return inputs

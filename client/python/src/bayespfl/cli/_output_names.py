"""File names for what is written about each inspected picture."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

_LONGEST_PART = 200  # bytes: file systems allow 255, and "-NNNNN_overlay.png" must fit behind it


def _clean(part: str) -> str:
    part = re.sub(r"[\x00-\x1f\x7f\\]", "_", part)
    return part.encode("utf-8", "surrogateescape")[:_LONGEST_PART].decode("utf-8", "ignore")


def _stem(name: str) -> str:
    """The name without root, "." and ".." and extension."""
    path = PurePosixPath(name)
    folders = [_clean(part) for part in path.parent.parts if part not in ("/", "//", ".", "..")]
    last = path.stem if path.stem not in ("", ".", "..") else "picture"
    return "/".join([*folders, _clean(last)])


class OutputNames:
    """Hands out names inside one folder: "nuts/001.png" becomes "FOLDER/nuts/001_overlay.png" and ".../001_mask.png".

    Never outside the folder, never twice (a second "nuts/001" becomes "nuts/001-2"), and never a protected file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()
        self._protected: set[Path] = set()

    def protect(self, file: Path) -> None:
        """An input, that writing beside it must not overwrite."""
        self._protected.add(file.resolve())

    def take(self, name: str) -> tuple[Path, Path]:
        """Overlay and mask for an input; the order of the calls decides who gets the plain names."""
        stem = _stem(name)
        number = 1
        while True:
            candidate = stem if number == 1 else f"{stem}-{number}"
            files = (self._folder / f"{candidate}_overlay.png", self._folder / f"{candidate}_mask.png")
            if candidate.lower() not in self._taken and not any(file.resolve() in self._protected for file in files):
                self._taken.add(candidate.lower())
                return files
            number += 1

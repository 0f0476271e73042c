"""Which files of a folder are pictures; and what is left out, so that nobody takes a part for the whole.

A folder stands for every picture below it, linked ones too. Left out and counted are hidden files and folders, files of
another kind, the overlays and masks of an earlier inspection, links that lead nowhere, and links to folders that were
read already.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

_EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_OVERLAY = "_overlay.png"
_MASK = "_mask.png"
_SHOWN_ENDINGS = 4


@dataclass
class LeftOut:
    """What folders hold besides pictures, in numbers."""

    hidden: int = 0
    results: int = 0
    dead_links: int = 0
    read_before: int = 0
    other_kinds: Counter[str] = field(default_factory=Counter)  # by ending in lower case; "" for none

    def sentence(self) -> str:
        """ "3 files left out: 2 hidden, 1 of another kind (.txt)"; empty when there are none."""
        others = sum(self.other_kinds.values())
        endings = [ending or "no ending" for ending in sorted(self.other_kinds)]
        if len(endings) > _SHOWN_ENDINGS:
            endings[_SHOWN_ENDINGS:] = ["..."]
        parts = [
            (self.hidden, f"{self.hidden} hidden"),
            (others, f"{others} of another kind ({', '.join(endings)})"),
            (self.results, _counted(self.results, "result of an inspection", "results of inspections")),
            (self.dead_links, _counted(self.dead_links, "dead link or device", "dead links or devices")),
            (self.read_before, _counted(self.read_before, "link", "links") + " to folders that were read already"),
        ]
        total = sum(count for count, _ in parts)
        if total == 0:
            return ""
        return f"{_counted(total, 'file', 'files')} left out: {', '.join(text for count, text in parts if count)}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


class _Walk:
    def __init__(self, exclude: Path | None, left_out: LeftOut) -> None:
        self.pictures: list[Path] = []
        self._exclude = exclude.resolve() if exclude is not None else None
        self._left_out = left_out
        self._read: set[tuple[int, int]] = set()  # folders, by device and inode
        self._links: list[Path] = []  # to folders, not followed yet

    def run(self, folder: Path) -> None:
        """Links to folders wait until all that lies in the tree itself has been read."""
        self._folder(folder)
        while self._links:
            self._folder(self._links.pop(0))

    def _folder(self, folder: Path) -> None:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in self._read:
            self._left_out.read_before += 1
            return
        self._read.add((status.st_dev, status.st_ino))
        files: list[Path] = []
        folders: list[Path] = []
        links: list[Path] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if entry.name.startswith("."):
                    self._left_out.hidden += 1
                elif entry.is_dir():
                    if self._exclude is None or path.resolve() != self._exclude:
                        (links if entry.is_symlink() else folders).append(path)
                elif entry.is_file():
                    files.append(path)
                else:
                    self._left_out.dead_links += 1
        self._links += sorted(links)
        self._keep(files)
        for below in folders:
            self._folder(below)

    def _keep(self, files: list[Path]) -> None:
        here = {file.name for file in files}
        for file in files:
            if file.suffix.lower() not in _EXTENSIONS:
                self._left_out.other_kinds[file.suffix.lower()] += 1
            elif _is_result(file.name, here):
                self._left_out.results += 1
            else:
                self.pictures.append(file)


def _is_result(name: str, here: set[str]) -> bool:
    """An overlay and a mask of one name lie beside each other."""
    if name.endswith(_OVERLAY):
        return name[: -len(_OVERLAY)] + _MASK in here
    return name.endswith(_MASK) and name[: -len(_MASK)] + _OVERLAY in here


def pictures_below(folder: Path, exclude: Path | None, left_out: LeftOut) -> list[Path]:
    """Sorted; without the folder `exclude`. ValueError: a folder that cannot be read, or without a picture."""
    walk = _Walk(exclude, left_out)
    try:
        walk.run(folder)
    except OSError as error:
        raise ValueError(f"cannot read the folder {error.filename}: {error.strerror}") from error
    if not walk.pictures:
        sentence = left_out.sentence()
        raise ValueError(f"no picture in the folder {folder}" + (f" ({sentence})" if sentence else ""))
    return sorted(walk.pictures)

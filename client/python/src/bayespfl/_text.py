"""Text of others, made fit for one line of a terminal or a picture."""

from __future__ import annotations

import unicodedata


def one_line(text: str) -> str:
    """Without what a terminal obeys: control characters, line breaks and marks of direction become spaces."""
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Cs") else letter for letter in text)


def columns(text: str) -> int:
    """How wide a terminal shows it: East Asian letters take two columns, combining marks none."""
    width = 0
    for letter in text:
        if unicodedata.combining(letter) == 0:
            width += 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1
    return width


def pad(text: str, width: int) -> str:
    """Followed by spaces up to `width` columns."""
    return text + " " * (width - columns(text))


def keep_end(text: str, width: int) -> str:
    """At most `width` columns: of longer text the end, after "..."."""
    if columns(text) <= width:
        return text
    while columns(text) > width - 3:
        text = text[1:]
    return "..." + text

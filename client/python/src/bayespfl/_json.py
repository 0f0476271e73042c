"""JSON as `bayespfl-client` and the server's result log write it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def json_text(value: Any) -> str:
    """One line; text that is not UTF-8 is repaired with U+FFFD."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def shortest(value: float) -> float:
    """The single-precision number as a double with the fewest digits that give the same single back."""
    return float(str(np.float32(value)))

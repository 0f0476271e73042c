"""How a result shows itself in a notebook."""

from __future__ import annotations

import base64
import html as markup

from bayespfl.results import Result, Verdict

_COLOURS = {
    Verdict.NONE: "#70757d",
    Verdict.PASS: "#1a7f37",
    Verdict.REVIEW: "#9a6700",
    Verdict.FAIL: "#b42318",
}


def png(result: Result) -> bytes | None:
    """The overlay as a PNG file; None without a picture or without Pillow: the display then has words only."""
    if result.inspected_picture is None:
        return None
    try:
        from bayespfl import _pillow
    except ImportError:
        return None
    return _pillow.encode_png(result.overlay())


def html(result: Result) -> str:
    """A line with the verdict, the numbers, and the overlay where there can be one."""
    name = "no verdict" if result.verdict is Verdict.NONE else str(result.verdict)
    by = f" by {result.decided_by}" if result.decided_by is not None else ""
    numbers = {
        "score": f"{result.score:.3f} ± {result.score_std:.3f}",
        "map": f"{result.map_score:.3f}",
        "area": f"{100 * result.mask_area_fraction:.2f} %",
        "model": result.provenance.model_version,
    }
    cells = "".join(f"<td>{markup.escape(key)} <b>{markup.escape(value)}</b></td>" for key, value in numbers.items())
    picture = png(result)
    shown = ""
    if picture is not None:
        shown = f'<img alt="overlay" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
    return (
        f'<div><b style="color:{_COLOURS[result.verdict]}">{name}{by}</b> {markup.escape(result.category)}'
        f"<table><tr>{cells}</tr></table>{shown}</div>"
    )

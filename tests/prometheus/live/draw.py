"""Panels of deploy/grafana as a picture for docs/monitoring.md, from a Prometheus that watches two servers at work.

    draw.py FILE.svg

Takes three minutes. It needs matplotlib, the built programs and PROMETHEUS_FOLDER (scripts/prometheus.sh draw).
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import matplotlib  # type: ignore[import-not-found]
import matplotlib.pyplot  # type: ignore[import-not-found]
from dashboards import FILES, asked, panels, read
from matplotlib.ticker import FuncFormatter, MultipleLocator, PercentFormatter  # type: ignore[import-not-found]
from monitoring import PICTURES, RULES, Prometheus, Server, calibrated_model, faster

# Dashboard, panel.
SHOWN = (
    ("fleet", "Frames by outcome"),
    ("fleet", "Latency"),
    ("fleet", "Wait for a place and for the model, p90"),
    ("fleet", "Frames in flight, of what a server may have"),
    ("line", "Verdicts"),
    ("line", "Scores"),
)
UNITS = {"cps": "frames/s", "s": "s", "short": "", "percentunit": ""}
COLOURS = {"ok": "C2", "pass": "C2", "review": "C1", "refused": "C1", "fail": "C3", "failed": "C3"}
STEP_S = 2
STEADY_S, OVERLOAD_S, AFTER_S, ALONE_S = 60, 40, 40, 40
LONGEST_S = 600  # after which the cameras end by themselves


def work(folder: Path, stack: ExitStack) -> tuple[Prometheus, float, dict[str, float]]:
    """A day of two servers within minutes; the Prometheus that saw it, its beginning, and what happened when."""
    model = calibrated_model(folder)
    servers = [
        stack.enter_context(Server(folder / name, model=str(model), compute_threads=1, max_frames_in_flight=16))
        for name in ("inspector-0", "inspector-1")
    ]
    first, second = servers
    prometheus = stack.enter_context(
        Prometheus(
            folder / "prometheus",
            [server.target for server in servers],
            faster(RULES.read_text(), 60),
            instances=("inspector-0", "inspector-1"),
        )
    )
    pictures = ("--category", "leather", PICTURES / "leather")
    steady = (*pictures, "--cameras", "2", "--rate", "2", "--poisson", "--in-flight", "8")
    flood = (*pictures, "--cameras", "6", "--in-flight", "8")
    beginning = time.time()
    happened: dict[str, float] = {}

    def mark(what: str) -> None:
        happened[what] = time.time() - beginning

    with first.load(*steady, seconds=LONGEST_S):
        with second.load(*steady, seconds=LONGEST_S):
            time.sleep(STEADY_S)
            mark("overload")
            with first.load(*flood, seconds=LONGEST_S):
                time.sleep(OVERLOAD_S)
            mark("over")
            time.sleep(AFTER_S)
        second.stop()
        mark("one stops")
        with first.load(*steady, seconds=LONGEST_S):
            time.sleep(ALONE_S)
    return prometheus, beginning, happened


def legend(target: dict[str, Any], labels: dict[str, str]) -> str:
    text: str = target["legendFormat"]
    for name, value in labels.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def draw_panel(
    axes: Any, panel: dict[str, Any], prometheus: Prometheus, beginning: float, happened: dict[str, float]
) -> None:
    end = time.time()
    defaults = panel["fieldConfig"]["defaults"]
    lines: list[tuple[str, list[float], list[float]]] = []
    for target in panel["targets"]:
        for series in prometheus.query_range(asked(target["expr"], "10s"), beginning + 10, end, STEP_S):
            when = [float(at) - beginning for at, _ in series["values"]]
            values = [float(value) for _, value in series["values"]]
            if any(values):
                lines.append((legend(target, series["metric"]), when, values))
    if not lines:
        raise SystemExit(f"{panel['title']}: no data")
    if defaults["custom"]["stacking"]["mode"] == "normal":
        moments = sorted({at for _, when, _ in lines for at in when})
        heights = [[dict(zip(when, values, strict=True)).get(at, 0.0) for at in moments] for _, when, values in lines]
        names = [name for name, _, _ in lines]
        axes.stackplot(moments, heights, labels=names, colors=[COLOURS.get(name, "0.6") for name in names], alpha=0.7)
    else:
        for name, when, values in lines:
            axes.plot(when, values, label=name, linewidth=1.2)
    for what, at in happened.items():
        axes.axvline(at, color="0.6", linewidth=0.8, linestyle=":")
        axes.text(at, 1.01, what, transform=axes.get_xaxis_transform(), fontsize=6, color="0.4", ha="center")
    axes.set_title(panel["title"], fontsize=9, pad=12, loc="left")
    axes.set_ylabel(UNITS[defaults["unit"]], fontsize=7)
    axes.set_ylim(0, defaults.get("max"))
    if defaults["unit"] == "percentunit":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(MultipleLocator(30))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{int(at) // 60}:{int(at) % 60:02d}"))
    axes.tick_params(labelsize=7)
    axes.grid(visible=True, linewidth=0.3)
    axes.legend(fontsize=6, loc="upper right")


def main() -> None:
    (picture,) = sys.argv[1:]
    # The same numbers are the same file, and its text stays text.
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "monitoring"
    matplotlib.rcParams["svg.fonttype"] = "none"
    dashboards = {path.stem: read(path) for path in FILES}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        prometheus, beginning, happened = work(Path(folder), stack)
        figure, grid = matplotlib.pyplot.subplots(len(SHOWN) // 2, 2, figsize=(11, 8.5), layout="constrained")
        for axes, (dashboard, title) in zip(grid.flat, SHOWN, strict=True):
            panel = next(each for each in panels(dashboards[dashboard]) if each["title"] == title)
            draw_panel(axes, panel, prometheus, beginning, happened)
        figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()

"""Draws what was measured: who does how much, how long a round trip takes, what growth costs.

    python -m benchmarks.plots runs.json docs/assets/performance

Each picture comes as PNG and as SVG. Colours are those of Okabe and Ito, which the colour-blind
tell apart, and nothing is said by colour alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure
except ImportError:
    mpl = None  # type: ignore[assignment]

from benchmarks.results import Results

OURS, FLOORS, PEERS = "#0072B2", "#7F7F7F", "#E69F00"
INK, FAINT = "#222222", "#D9D9D9"
DOTS = 120
TIMES = "×"

NAMES = {"floor_a": "floor A", "floor_b": "floor B"}
HIDDEN = ("asynq-signed", "asynq-info", "asynq-events")
"""These are asynq once more, and only stand in the tables."""

RATES = {
    "drain-1": "Drain no-op tasks, one process",
    "naps-500": "Drain 50 ms sleeps, 500 slots",
    "enqueue-many": "Enqueue concurrently",
    "enqueue-one": "Enqueue one by one",
    "clients-50": "50 clients in a loop",
    "threads": "Plain functions in threads",
}
"""Tasks a second, a panel each."""

GROWTH = {
    "waiting": ("tasks waiting", (("both", "run one"), ("calling", "call one"))),
    "running": ("tasks running at once", (("both", "run one"),)),
    "queues": ("queues", (("both", "run one"),)),
}
"""Along the axis, and which figures of each size are drawn."""

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "asynq",  # the same figures make the same file
}


class NoMatplotlibError(Exception):
    """It is not installed; says how to install it."""

    def __init__(self) -> None:
        super().__init__("plots need matplotlib: pip install 'asynq-tasks[bench]'")


def draw(results: Results, directory: Path) -> list[Path]:
    """Draw all pictures that there are figures for.

    Args:
        results: what was measured.
        directory: where they go; made when it is not there.

    Returns:
        The files.

    Raises:
        NoMatplotlibError: it is not installed.
    """
    if mpl is None:
        raise NoMatplotlibError
    directory.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with mpl.rc_context(STYLE):
        for name, picture in (("rates", rates), ("latency", latency), ("growth", growth)):
            figure = picture(results)
            if figure is not None:
                files += _save(figure, directory / name)
    return files


def rates(results: Results) -> Figure | None:
    """How many tasks a second each system does: a panel a workload, the fastest on top."""
    panels = {name: found for name in RATES if (found := _rates(results, name))}
    if not panels:
        return None
    columns = 2 if len(panels) > 1 else 1
    rows = -(-len(panels) // columns)
    longest = max(map(len, panels.values()))
    figure = Figure(figsize=(5 * columns, rows * (0.75 + 0.2 * longest)), layout="constrained")
    grid = [*figure.subplots(rows, columns, squeeze=False).flat]
    for axes, (name, found) in zip(grid, panels.items(), strict=False):
        _bars(axes, found, results, name)
        axes.set_title(RATES[name], fontweight="bold")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.supxlabel(
        "Tasks a second, medians. Orange: asynq's peers, and how many times as much asynq does; "
        "grey: the same work with no framework. * stores no results.",
        fontsize=8,
    )
    return figure


def latency(results: Results) -> Figure | None:
    """How long a call and its result take: from the quickest half to the slowest hundredth."""
    found = {name: trips for name in _systems(results) if (trips := _trips(results, name))}
    if not found:
        return None
    order = sorted(found, key=lambda name: -median(found[name]))
    figure = Figure(figsize=(8, 0.9 + 0.32 * len(order)), layout="constrained")
    axes = figure.subplots()
    for at, name in enumerate(order):
        cuts = quantiles(found[name], n=100)
        half, most, last = (cuts[part - 1] * 1e3 for part in (50, 95, 99))
        colour = _colour(name)
        axes.plot([half, most], [at, at], color=colour, linewidth=4, solid_capstyle="butt")
        axes.plot([most, last], [at, at], color=colour, linewidth=1.2)
        axes.plot(half, at, "o", color=colour, markersize=8, markeredgecolor="white")
        axes.plot(last, at, "|", color=colour, markersize=9, markeredgewidth=1.5)
        axes.annotate(
            f"{half:.2f}", (half, at), (-8, 0), textcoords="offset points", ha="right", va="center"
        )
    _names(axes, order, {*order})
    axes.set_xscale("log")
    axes.margins(x=0.12)
    _thousands(axes.xaxis)
    axes.set_xlabel("milliseconds: ● p50   ━ to p95   ─ to p99")
    axes.set_title("From a call to its result, with an idle worker", fontweight="bold")
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    return figure


def growth(results: Results) -> Figure | None:
    """What a task of asynq's costs as there are more of them: a panel each."""
    panels = {name: found for name in GROWTH if (found := _sizes(results, name))}
    if not panels:
        return None
    figure = Figure(figsize=(3.4 * len(panels), 2.9), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=False).flat
    for axes, (name, found) in zip(grid, panels.items(), strict=True):
        heading, lines = GROWTH[name]
        for (key, label), style in zip(lines, ("o-", "s--"), strict=False):
            sizes, middles = [*found], [median(each[key] for each in found[at]) for at in found]
            colour = OURS if key == "both" else PEERS
            axes.plot(sizes, middles, style, color=colour, markersize=5, label=label)
            axes.annotate(
                label,
                (sizes[-1], middles[-1]),
                (0, 7),
                textcoords="offset points",
                ha="right",
                color=colour,
            )
        axes.set_xscale("log")
        axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
        axes.set_xticks([*found], [_short(size) for size in found])
        axes.minorticks_off()
        axes.set_xlabel(heading)
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
    grid[0].set_ylabel("µs of processor time a task,\nworker and server together")
    figure.suptitle("What growth costs", x=0.01, ha="left", fontweight="bold", fontsize=10)
    return figure


def _bars(axes: Any, found: dict[str, float], results: Results, workload: str) -> None:
    order = sorted(found, key=lambda name: found[name])
    values = [found[name] for name in order]
    axes.barh(range(len(order)), values, color=[_colour(name) for name in order], height=0.72)
    for at, name in enumerate(order):
        text = f"{found[name]:,.0f}"
        ratio = results.ratio("asynq", name, workload, "rate")
        if _colour(name) == PEERS and ratio is not None:
            text += f"   ({ratio:.1f} {TIMES})"
        place = (found[name], at)
        axes.annotate(text, place, (4, 0), textcoords="offset points", va="center")
    _names(axes, order, _storing(results))
    axes.set_xlim(0, max(values) * 1.18)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _names(axes: Any, order: Sequence[str], storing: set[str]) -> None:
    names = [NAMES.get(name, name) + ("" if name in storing else " *") for name in order]
    axes.set_yticks(range(len(order)), names)
    axes.tick_params(axis="y", length=0)
    for label, name in zip(axes.get_yticklabels(), order, strict=True):
        if name == "asynq":
            label.set_fontweight("bold")


def _thousands(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def _short(size: int) -> str:
    for unit, many in (("M", 1_000_000), ("k", 1_000)):
        if size >= many:
            return f"{size / many:g} {unit}"
    return str(size)


def _colour(name: str) -> str:
    if name.startswith("asynq"):
        return OURS
    return FLOORS if name.startswith("floor") else PEERS


def _systems(results: Results) -> list[str]:
    return [
        name for name in dict.fromkeys(run.system for run in results.runs) if name not in HIDDEN
    ]


def _rates(results: Results, workload: str) -> dict[str, float]:
    """Medians by system. Floor B does so much that beside it nothing else could be read."""
    systems = [name for name in _systems(results) if name != "floor_b"]
    found = {name: results.middle(name, workload, "rate") for name in systems}
    return {name: value for name, value in found.items() if value is not None}


def _storing(results: Results) -> set[str]:
    """Who stores results: a drain has weighed them."""
    return {run.system for run in results.runs if "stored" in run.figures}


def _trips(results: Results, system: str) -> list[float]:
    """Seconds of all round trips of all rounds."""
    return [
        trip
        for run in results.runs
        if (run.system, run.workload) == (system, "latency")
        for trip in run.figures.get("trips", ())
    ]


def _sizes(results: Results, workload: str) -> dict[int, list[dict[str, float]]]:
    """The figures of each size, of all rounds of asynq."""
    found: dict[int, list[dict[str, float]]] = {}
    for run in results.runs:
        if (run.system, run.workload) == ("asynq", workload):
            for each in run.figures.get("sizes", ()):
                found.setdefault(int(each["size"]), []).append(each)
    return dict(sorted(found.items()))


def _save(figure: Figure, path: Path) -> Iterable[Path]:
    for suffix, how in ((".png", {"dpi": DOTS}), (".svg", {"metadata": {"Date": None}})):
        file = path.with_suffix(suffix)
        figure.savefig(file, facecolor="white", **how)
        yield file


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plots", description=__doc__)
    parser.add_argument("runs", type=Path, help="what python -m benchmarks --json wrote")
    parser.add_argument("directory", type=Path)
    options = parser.parse_args()
    try:
        files = draw(Results.load(options.runs), options.directory)
    except NoMatplotlibError as error:
        parser.exit(1, f"{error}\n")
    print(*files, sep="\n")


if __name__ == "__main__":
    main()

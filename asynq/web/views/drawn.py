"""A workflow, drawn: what comes after what from left to right, what runs at the same time below.

Sizes are found from the innermost to the outermost, places the other way round; what is alike is
drawn once (see `asynq.result.outlining`). Trees may be deep, so nothing here recurses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from asynq.result.graph import Graph
from asynq.result.outlining import Spot, spots
from asynq.web.markup import Markup, h, link
from asynq.web.telling import cut, number, short
from asynq.web.views.parts import in_order, mood

MOST: Final = 300
"""Places in a drawing; what has more is told as text."""
LETTER: Final = 7.3
"""About the width of a letter."""
NAMED: Final = 28
BOX: Final = 46.0
NARROWEST: Final = 104.0
ACROSS: Final = 30.0
"""Between two that follow each other."""
DOWN: Final = 12.0
"""Between two that run at the same time."""
FORK: Final = 26.0
"""On each side of what runs at the same time."""
FRAME: Final = 10.0
TITLE: Final = 16.0
INDENT: Final = 26.0


class Place(Struct):
    """Where a spot is, and how large."""

    width: float = 0.0
    height: float = 0.0
    anchor: float = 0.0
    """How far below its top lines come in and go out."""
    main: float = 0.0
    """The width without what is below it."""
    x: float = 0.0
    y: float = 0.0


def drawn(graph: Graph) -> Markup:
    """A workflow as a drawing; one that is too large as text."""
    found = spots(graph.tree)
    if len(found) > MOST:
        return h("pre", str(graph), class_="tree")
    inside = _inside(found)
    places = [Place() for _ in found]
    for index in reversed(range(len(found))):
        _measure(found, places, index, inside)
    places[0].x = places[0].y = 2.0
    pieces: list[Markup] = []
    for index in range(len(found)):
        pieces += _lay(graph, found, places, index, inside)
    width, height = places[0].width + 4, places[0].height + 4
    svg = h(
        "svg", h("title", graph.picture), *pieces,
        viewBox=f"0 0 {width:.0f} {height:.0f}", width=f"{width:.0f}", height=f"{height:.0f}",
        role="group", class_="workflow",
    )  # fmt: skip
    return h("div", svg, class_="scroll", tabindex=0, role="region", aria_label="The workflow")


def _inside(found: Sequence[Spot]) -> list[tuple[list[int], list[int]]]:
    """For each spot what it is made of, and what is called when it has ended."""
    inside: list[tuple[list[int], list[int]]] = [([], []) for _ in found]
    for index, spot in enumerate(found):
        if spot.up >= 0:
            inside[spot.up][spot.role != "part"].append(index)
    return inside


def _is_framed(spot: Spot) -> bool:
    return spot.count > 1 and spot.shape.kind != "task"


def _measure(
    found: Sequence[Spot],
    places: Sequence[Place],
    index: int,
    inside: Sequence[tuple[list[int], list[int]]],
) -> None:
    spot, place = found[index], places[index]
    parts, after = ([places[each] for each in some] for some in inside[index])
    if spot.shape.kind == "task":
        width = LETTER * len(_label(spot)) + 30
        place.main, height, place.anchor = max(NARROWEST, width), BOX, BOX / 2
    elif spot.shape.kind == "group":
        place.main = max((each.width for each in parts), default=0) + 2 * _fork_width(parts)
        height = sum(each.height for each in parts) + DOWN * max(0, len(parts) - 1)
        place.anchor = height / 2
    else:
        place.main = sum(each.width for each in parts) + ACROSS * max(0, len(parts) - 1)
        place.anchor = max((each.anchor for each in parts), default=0)
        height = place.anchor + max((each.height - each.anchor for each in parts), default=0)
    if _is_framed(spot):
        place.main += 2 * FRAME
        height += 2 * FRAME + TITLE
        place.anchor += FRAME + TITLE
    place.width = max([place.main, *(INDENT + each.width for each in after)])
    place.height = height + sum(DOWN + each.height for each in after)


def _lay(
    graph: Graph,
    found: Sequence[Spot],
    places: Sequence[Place],
    index: int,
    inside: Sequence[tuple[list[int], list[int]]],
) -> list[Markup]:
    """Give those inside their places; what is to be drawn besides them."""
    spot, place = found[index], places[index]
    parts, after = ([places[each] for each in some] for some in inside[index])
    pieces: list[Markup] = []
    below = place.y + place.height - sum(DOWN + each.height for each in after)
    if _is_framed(spot):
        pieces += _frame(spot, place, below - place.y)
    if spot.shape.kind == "task":
        pieces.append(_task(graph, spot, place))
    elif spot.shape.kind == "group":
        ends = _ends(found, inside, index)
        pieces += _fork(place, parts, FRAME if _is_framed(spot) else 0.0, ends)
    else:
        pieces += _follow(place, parts, FRAME if _is_framed(spot) else 0.0)
    for each, at in zip(after, inside[index][1], strict=True):
        each.x, each.y = place.x + INDENT, below + DOWN
        kind = "bad" if found[at].role == "errback" else ""
        x, y = place.x + INDENT / 2, each.y + each.anchor
        pieces.append(_path(f"M{x:.1f} {below:.1f}V{y:.1f}H{each.x:.1f}", f"edge dashed {kind}"))
        below = each.y + each.height
    return pieces


def _ends(
    found: Sequence[Spot], inside: Sequence[tuple[list[int], list[int]]], index: int
) -> tuple[bool, bool]:
    """Does anything come before it, and after it? Else no line leads there."""
    up = found[index].up
    if up < 0:
        return False, False
    if up > 0:
        return True, True
    order = inside[up][0]
    return order[:1] != [index], order[-1:] != [index]


def _fork_width(parts: Sequence[Place]) -> float:
    return FORK if len(parts) > 1 else 0.0


def _fork(
    place: Place, parts: Sequence[Place], frame: float, ends: tuple[bool, bool]
) -> list[Markup]:
    pieces: list[Markup] = []
    before, after = ends if len(parts) > 1 else (False, False)
    y = place.y + (frame and frame + TITLE)
    left, right = place.x + frame, place.x + place.main - frame
    middle = place.y + place.anchor
    for part in parts:
        part.x, part.y = left + _fork_width(parts), y
        at, end, bend = part.y + part.anchor, part.x + part.main, FORK / 2
        if before:
            way = (
                f"M{left:.1f} {middle:.1f}C{left + bend:.1f} {middle:.1f} "
                f"{left + bend:.1f} {at:.1f} {part.x:.1f} {at:.1f}"
            )
            pieces.append(_path(way, "edge"))
        if after:
            way = (
                f"M{end:.1f} {at:.1f}H{right - FORK:.1f}C{right - bend:.1f} {at:.1f} "
                f"{right - bend:.1f} {middle:.1f} {right:.1f} {middle:.1f}"
            )
            pieces.append(_path(way, "edge"))
        y += part.height + DOWN
    return pieces


def _follow(place: Place, parts: Sequence[Place], frame: float) -> list[Markup]:
    pieces = []
    x, middle = place.x + frame, place.y + place.anchor
    for place_in, part in enumerate(parts):
        part.x, part.y = x, middle - part.anchor
        if place_in:
            begin = parts[place_in - 1].x + parts[place_in - 1].main
            pieces.append(_path(f"M{begin:.1f} {middle:.1f}H{x:.1f}", "edge"))
            pieces.append(
                _path(f"M{x - 5:.1f} {middle - 4:.1f}L{x - 0.5:.1f} {middle:.1f}"
                      f"L{x - 5:.1f} {middle + 4:.1f}", "edge")
            )  # fmt: skip
        x += part.width + ACROSS
    return pieces


def _frame(spot: Spot, place: Place, height: float) -> list[Markup]:
    return [
        h("rect", x=f"{place.x:.1f}", y=f"{place.y:.1f}", width=f"{place.main:.1f}",
          height=f"{height:.1f}", rx=8, class_="frame"),
        h("text", f"× {number(spot.count)}", x=f"{place.x + 10:.1f}", y=f"{place.y + 17:.1f}",
          class_="many"),
    ]  # fmt: skip


def _task(graph: Graph, spot: Spot, place: Place) -> Markup:
    counts = Counter(map(graph.state_of, spot.numbers))
    x, y = place.x, place.y
    box = h("rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{place.main:.1f}", height=BOX, rx=7,
            class_="box")  # fmt: skip
    name = h("text", _label(spot), x=f"{x + 12:.1f}", y=f"{y + 19:.1f}", class_="name")
    told = ", ".join(f"{number(counts[state])} {state}" for state in in_order(counts))
    if spot.count > 1:
        title = f"{spot.shape.name} × {number(spot.count)}: {told}"
        return h("g", h("title", title), box, name, *_share(counts, place))
    id, state = graph.id_of(spot.shape.number), next(iter(counts))
    dot = h("circle", cx=f"{x + 16:.1f}", cy=f"{y + 33:.1f}", r=4, class_=f"f-{mood(state)}")
    word = h("text", cut(state, 12), x=f"{x + 25:.1f}", y=f"{y + 37:.1f}", class_="state")
    inside = h("g", h("title", f"{spot.shape.name} {short(id)}: {told}"), box, name, dot, word)
    return h("a", inside, href=link("task", id=id))


def _share(counts: Counter[str], place: Place) -> list[Markup]:
    """A bar of how many are in which state."""
    total, width = counts.total(), place.main - 24
    begin, bars = place.x + 12, []
    for state in in_order(counts):
        part = width * counts[state] / total
        bars.append(
            h("rect", x=f"{begin:.1f}", y=f"{place.y + 29:.1f}", width=f"{part:.1f}", height=6,
              class_=f"f-{mood(state)}")
        )  # fmt: skip
        begin += part
    return bars


def _label(spot: Spot) -> str:
    name = spot.shape.name.rpartition(".")[2] or spot.shape.name or "task"
    return f"{cut(name, NAMED)} × {number(spot.count)}" if spot.count > 1 else cut(name, NAMED)


def _path(data: str, kind: str) -> Markup:
    return h("path", d=data, class_=kind.strip(), fill="none")

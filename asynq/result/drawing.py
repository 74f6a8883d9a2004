"""The tree of a workflow as text, for Graphviz and for Mermaid.

Names of tasks, ids and states come from whoever may send: in a drawing they are texts and nothing
else, whatever is in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from asynq import states
from asynq._printable import printable
from asynq.result.outlining import Spot, spots
from asynq.result.sketch import Block, Edge, Sketch
from asynq.wire.flow import Shape

WIDEST_NAME: Final = 100
NAMED: Final = 3
"""Ids of tasks that have failed, where many stand in one place."""

_ORDER: Final = (
    *(states.SUCCESS, states.STARTED, states.RETRY, states.FAILURE, states.REVOKED),
    states.PENDING,
)
_WORDS: Final = {"part": "", "link": "link: ", "errback": "on error: "}
_COLOURS: Final = {
    states.SUCCESS: "#d3f0d8",
    states.STARTED: "#d5e5fb",
    states.RETRY: "#fbe9c6",
    states.FAILURE: "#f6d0d0",
    states.REVOKED: "#e3d9f2",
    states.PENDING: "#eeeeee",
}


class Drawn(Protocol):
    """What can be drawn: see `asynq.result.graph.Graph`."""

    @property
    def tree(self) -> Shape:
        """The tree."""
        ...

    def id_of(self, number: int) -> str:
        """A task's id."""
        ...

    def state_of(self, number: int) -> str:
        """A task's state."""
        ...


def text(graph: Drawn) -> str:
    """A tree of lines, for a terminal."""
    lines: list[str] = []
    indents: list[str] = []
    for spot in spots(graph.tree):
        if spot.up < 0:
            branch = indent = ""
        else:
            above = indents[spot.up]
            branch = above + ("└─ " if spot.last else "├─ ")
            indent = above + ("   " if spot.last else "│  ")
        indents.append(indent)
        told = "  ".join(filter(None, (_title(spot), *_told(graph, spot))))
        lines.append(f"{branch}{_WORDS[spot.role]}{told}")
    return "\n".join(lines)


def _title(spot: Spot) -> str:
    shape, count = spot.shape, spot.count
    name = printable(shape.name, WIDEST_NAME) or "task" if shape.kind == "task" else shape.kind
    return f"{name} × {count:,}" if count > 1 else name


def _told(graph: Drawn, spot: Spot) -> Iterator[str]:
    """What is known of the tasks that stand there."""
    if spot.shape.kind != "task":
        return
    yield _counted(graph, spot)
    if spot.count == 1:
        yield printable(graph.id_of(spot.shape.number))
        return
    ended = [number for number in spot.numbers if _is_bad(graph.state_of(number))]
    if ended:
        shown = [printable(graph.id_of(number)) for number in ended[:NAMED]]
        more = len(ended) - len(shown)
        yield f"({', '.join(shown)}{f', … {more:,} more' if more else ''})"


def _counted(graph: Drawn, spot: Spot) -> str:
    counts = Counter(map(graph.state_of, spot.numbers))
    if spot.count == 1:
        return printable(next(iter(counts)))
    return ", ".join(f"{counts[state]:,} {printable(state)}" for state in _ordered(counts))


def _ordered(counts: Iterable[str]) -> list[str]:
    known = {state: place for place, state in enumerate(_ORDER)}
    return sorted(counts, key=lambda state: (known.get(state, len(_ORDER)), state))


def _is_bad(state: str) -> bool:
    return state in states.PROPAGATE_STATES


def _mood(graph: Drawn, spot: Spot) -> str:
    """The state whose colour a place has."""
    found = {graph.state_of(number) for number in spot.numbers}
    for state in (states.FAILURE, states.REVOKED, states.RETRY):
        if state in found:
            return state
    if len(found) == 1 and found <= _COLOURS.keys():
        return found.pop()
    return states.STARTED


def dot(graph: Drawn) -> str:
    """The language of Graphviz."""
    sketch = Sketch(spots(graph.tree))
    lines = [
        "digraph workflow {",
        "  rankdir=LR;",
        '  node [shape=box, style="rounded,filled", fontname="sans-serif"];',
        '  edge [fontname="sans-serif", fontsize=10];',
    ]
    for block, index, depth in sketch.blocks():
        indent = "  " * (depth + 1)
        if block is Block.CLOSES:
            lines.append(indent + "}")
        elif block is Block.OPENS:
            label = _quoted(_title(sketch.spots[index]))
            lines.append(f"{indent}subgraph cluster_{index} {{ label={label}; style=rounded;")
        elif block is Block.JOINS:
            lines.append(f'{indent}j{index} [shape=circle, label="all", style=solid];')
        else:
            spot = sketch.spots[index]
            label = _quoted(_title(spot), _counted(graph, spot))
            colour = _COLOURS[_mood(graph, spot)]
            lines.append(f'{indent}n{index} [label={label}, fillcolor="{colour}"];')
    lines += [f"  {edge.begin} -> {edge.end}{_dashed(edge)};" for edge in sketch.edges]
    return "\n".join([*lines, "}"])


def _dashed(edge: Edge) -> str:
    return f' [style=dashed, label="{edge.label}"]' if edge.label else ""


def _quoted(*lines: str) -> str:
    escaped = [
        line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines
    ]
    return '"' + "\\n".join(escaped) + '"'


def mermaid(graph: Drawn) -> str:
    """The language of Mermaid."""
    sketch = Sketch(spots(graph.tree))
    lines = ["flowchart LR"]
    moods: dict[str, list[str]] = {}
    for block, index, depth in sketch.blocks():
        indent = "  " * (depth + 1)
        if block is Block.CLOSES:
            lines.append(indent + "end")
        elif block is Block.OPENS:
            lines.append(f'{indent}subgraph g{index} ["{_coded(_title(sketch.spots[index]))}"]')
        elif block is Block.JOINS:
            lines.append(f'{indent}j{index}(("all"))')
        else:
            spot = sketch.spots[index]
            label = f"{_coded(_title(spot))}<br/>{_coded(_counted(graph, spot))}"
            lines.append(f'{indent}n{index}["{label}"]')
            moods.setdefault(_mood(graph, spot), []).append(f"n{index}")
    for edge in sketch.edges:
        arrow = f'-. "{edge.label}" .->' if edge.label else "-->"
        lines.append(f"  {edge.begin} {arrow} {edge.end}")
    for mood, names in moods.items():
        lines.append(f"  classDef {mood} fill:{_COLOURS[mood]},stroke:#666,color:#111")
        lines.append(f"  class {','.join(names)} {mood}")
    return "\n".join(lines)


def _coded(text: str) -> str:
    """What is no letter, digit or harmless sign as its number: Mermaid reads quotes, brackets,
    HTML, and directives anywhere in a text."""
    return "".join(
        sign if sign.isalnum() or sign in " .,_-×()" else f"#{ord(sign)};" for sign in text
    )

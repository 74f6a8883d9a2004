"""The tree of a workflow as boxes and arrows, for whoever draws such: what follows what.

A group is a frame around its members. Where several lead to several, they meet in a small box of
their own, so that arrows are as many as boxes, and not their square.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise

from msgspec import Struct

from asynq.result.outlining import Role, Spot


class Block(Enum):
    """What comes next in the text of a drawing."""

    BOX = 1
    JOINS = 2
    OPENS = 3
    CLOSES = 4


class Edge(Struct, frozen=True):
    """An arrow."""

    begin: str
    end: str
    label: str = ""
    """Where it is followed only in some cases."""


class Sketch:
    """Boxes ``n<index>``, small ones ``j<index>`` where several meet, and arrows.

    Attributes:
        spots: what the indices are of.
        edges: the arrows.
    """

    def __init__(self, spots: Sequence[Spot]) -> None:
        self.spots = spots
        self.edges: list[Edge] = []
        self._frames = self._framed()
        self._meeting: set[int] = set()
        self._connect()

    def blocks(self) -> Iterator[tuple[Block, int, int]]:
        """Frames and boxes in order: what, of which spot, and how deep in frames it is."""
        inside: dict[int, list[tuple[Block, int]]] = {-1: []}
        for index, spot in enumerate(self.spots):
            frame = inside[self._frames[index]]
            if spot.shape.kind == "task":
                frame.append((Block.BOX, index))
            elif spot.shape.kind == "group":
                inside[index] = []
                frame.append((Block.OPENS, index))
            if index in self._meeting:
                frame.append((Block.JOINS, index))
        waiting = [(*each, 0) for each in reversed(inside[-1])]
        while waiting:
            block, index, depth = waiting.pop()
            yield block, index, depth
            if block is Block.OPENS:
                waiting.append((Block.CLOSES, index, depth))
                waiting += [(*each, depth + 1) for each in reversed(inside[index])]

    def _framed(self) -> list[int]:
        """The innermost frame that each spot is in."""
        frames: list[int] = []
        for spot in self.spots:
            up = spot.up
            in_group = up >= 0 and self.spots[up].shape.kind == "group" and spot.role == "part"
            frames.append(up if in_group else frames[up] if up >= 0 else -1)
        return frames

    def _connect(self) -> None:
        below: list[dict[Role, list[int]]] = [
            {"part": [], "link": [], "errback": []} for _ in self.spots
        ]
        for index, spot in enumerate(self.spots):
            if spot.up >= 0:
                below[spot.up][spot.role].append(index)
        begins: list[list[str]] = [[] for _ in self.spots]
        ends: list[list[str]] = [[] for _ in self.spots]
        for index in range(len(self.spots) - 1, -1, -1):
            kind, parts = self.spots[index].shape.kind, below[index]["part"]
            if kind == "task":
                begins[index] = ends[index] = [f"n{index}"]
            elif kind == "group":
                begins[index] = [name for part in parts for name in begins[part]]
                ends[index] = [name for part in parts for name in ends[part]]
            elif parts:
                begins[index], ends[index] = begins[parts[0]], ends[parts[-1]]
        for index in range(len(self.spots)):
            if self.spots[index].shape.kind in ("chain", "chord"):
                parts = below[index]["part"]
                for before, after in pairwise(parts):
                    self._arrows(before, ends[before], begins[after])
            for link in below[index]["link"]:
                self._arrows(index, ends[index], begins[link], "link")
            for errback in below[index]["errback"]:
                self._arrows(index, ends[index], begins[errback], "on error")

    def _arrows(
        self, index: int, before: Sequence[str], after: Sequence[str], label: str = ""
    ) -> None:
        if len(before) > 1 and len(after) > 1:
            meeting = f"j{index}"
            if index not in self._meeting:
                self._meeting.add(index)
                self.edges += [Edge(name, meeting) for name in before]
            before = [meeting]
        self.edges += [Edge(name, end, label) for name in before for end in after]

"""Calls as data: signatures, and what is made of several of them."""

from __future__ import annotations

from asynq.canvas.chain import Chain
from asynq.canvas.chord import Chord, chord
from asynq.canvas.group import Group, group
from asynq.canvas.nodes import Canvas
from asynq.canvas.pipe import chain
from asynq.canvas.reading import signature
from asynq.canvas.repeated import chunks, xmap, xstarmap
from asynq.canvas.signature import Signature, of_callee

__all__ = [
    "Canvas",
    "Chain",
    "Chord",
    "Group",
    "Signature",
    "chain",
    "chord",
    "chunks",
    "group",
    "of_callee",
    "signature",
    "xmap",
    "xstarmap",
]

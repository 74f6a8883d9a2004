"""Calls as data: signatures, and what is made of several of them."""

from __future__ import annotations

from asynq.canvas.group import Group, group
from asynq.canvas.launch import GroupCall
from asynq.canvas.nodes import Canvas
from asynq.canvas.reading import signature
from asynq.canvas.signature import Signature, of_callee

__all__ = ["Canvas", "Group", "GroupCall", "Signature", "group", "of_callee", "signature"]

"""A function's signature: can it be called so, and what do its annotations say of each argument?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from inspect import Parameter
from itertools import chain, count, repeat
from types import FunctionType
from typing import Any, Final

from asynq.wire.annotations import ABSENT, Slot, resolve

_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def parameters_of(function: Callable[..., object], *, bound: bool) -> list[Parameter]:
    """What callers give; with `bound`, the first parameter is filled in and left out."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some builtins tell nothing of themselves: anything goes
        return [
            Parameter("args", Parameter.VAR_POSITIONAL),
            Parameter("kwargs", Parameter.VAR_KEYWORD),
        ]
    return found[1:] if bound and found and found[0].kind in _POSITIONAL else found


def _nothing() -> None: ...


def checker(name: str, parameters: Sequence[Parameter]) -> Callable[..., None]:
    """A function that takes the same arguments and does nothing.

    To call it is the check: fast, and the TypeError of a wrong call is worded by Python itself.
    """
    by_kind = {kind: [p for p in parameters if p.kind is kind] for kind in _FLAGS}
    positional = [p for p in parameters if p.kind in _POSITIONAL]
    keyword = by_kind[Parameter.KEYWORD_ONLY]
    names = [p.name for kind in _IN_CODE for p in by_kind[kind]]
    flags = _nothing.__code__.co_flags
    for kind, flag in _FLAGS.items():
        flags |= flag if by_kind[kind] else 0
    code = _nothing.__code__.replace(
        co_argcount=len(positional),
        co_posonlyargcount=len(by_kind[Parameter.POSITIONAL_ONLY]),
        co_kwonlyargcount=len(keyword),
        co_nlocals=len(names),
        co_varnames=tuple(names),
        co_flags=flags,
        co_name=name,
        co_qualname=name,
    )
    defaults = tuple(None for p in positional if p.default is not Parameter.empty)
    made = FunctionType(code, {}, name, defaults)
    made.__kwdefaults__ = {p.name: None for p in keyword if p.default is not Parameter.empty}
    return made


_FLAGS: Final = {
    Parameter.POSITIONAL_ONLY: 0,
    Parameter.POSITIONAL_OR_KEYWORD: 0,
    Parameter.KEYWORD_ONLY: 0,
    Parameter.VAR_POSITIONAL: inspect.CO_VARARGS,
    Parameter.VAR_KEYWORD: inspect.CO_VARKEYWORDS,
}
_IN_CODE: Final = tuple(_FLAGS)
"""The order of a code object's variables."""


class Layout:
    """Which slot each argument goes to. Reads the annotations, so not before they are needed."""

    def __init__(self, function: Callable[..., object], parameters: Sequence[Parameter]) -> None:
        slots = {each.name: _slot(each, function) for each in parameters}
        places = [each.name for each in parameters if each.kind in _POSITIONAL]
        self.places: dict[str, Slot] = {name: slots[name] for name in places}
        """Of positional arguments, in order."""
        self._named = {each.name: slots[each.name] for each in parameters if each.kind in _NAMED}
        kinds = {each.kind: each.name for each in parameters}
        self._more_args = kinds.get(Parameter.VAR_POSITIONAL, "args")
        self._rest = slots.get(self._more_args) or Slot()
        self._others = slots.get(kinds.get(Parameter.VAR_KEYWORD, "")) or Slot()
        every = slots.values()
        self.wary = any(slot.text_is_bytes for slot in every)
        """Even a plain value has to be looked at."""
        self.adapted = any(slot.adapted for slot in every)
        """Some values are read by `Slot.convert` alone."""
        self.typed = any(slot.typed for slot in every)

    def positional(self) -> Iterator[tuple[str, Slot]]:
        """Name and slot of each positional argument, without end."""
        more = ((f"{self._more_args}[{at}]", self._rest) for at in count())
        return chain(self.places.items(), more)

    def slots(self) -> Iterator[Slot]:
        """The slot of each positional argument, without end."""
        return chain(self.places.values(), repeat(self._rest))

    def named(self, name: str) -> Slot:
        """The slot of an argument given by name."""
        return self._named.get(name, self._others)

    def kinds(self, number: int) -> tuple[Any, ...]:
        """The types of so many positional arguments."""
        own = [slot.kind for slot in self.places.values()][:number]
        return (*own, *repeat(self._rest.kind, number - len(own)))


def _slot(parameter: Parameter, function: Callable[..., object]) -> Slot:
    annotation: Any = resolve(parameter.annotation, function)
    if parameter.default is None and annotation is not ABSENT:
        # `x: str = None`, as people write it: None is meant to be allowed.
        annotation = _optional(annotation)
    return Slot(annotation)


def _optional(annotation: Any) -> Any:
    try:
        return annotation | None
    except TypeError:
        return annotation

"""The words after `asynq multi start`: names of nodes, and options for all or for some of them.

Pure. An option is one of the worker's, in any spelling that the worker takes, and may have a
selector: ``-Q:1-3 images,video`` or ``--queues:1-3=images,video``. Which nodes a selector fits is
for `asynq.multi.nodes` to say.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from asynq.exceptions import AsynqError


class UnknownOption(AsynqError):  # noqa: N818 - as click's
    """A word that begins with a dash and is no option.

    Args:
        spelling: The option, as it was written.
        known: All that there are.
    """

    def __init__(self, spelling: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(spelling, known, n=1)
        hint = f": did you mean {near[0]}?" if near else "; `asynq worker -h` lists them"
        super().__init__(f"a worker has no option {spelling}{hint}")
        self.spelling = spelling


class UnreadableWords(AsynqError):  # noqa: N818
    """An option without its value, or with one that it does not take."""


class Option(Struct, frozen=True):
    """An option that may be given."""

    name: str
    """What all its spellings mean, as in ``--queues``."""
    takes_value: bool = True
    leads: bool = False
    """It stands before the word `worker`."""


class Given(Struct, frozen=True):
    """An option that was given."""

    option: Option
    spelling: str
    value: str | None = None
    """None: it takes none."""
    selector: str | None = None
    """Whom it is for; None: all for whom nothing else was said."""

    def words(self, value: str | None = None) -> list[str]:
        """As it stands on a worker's command line, with another value if there is one."""
        value = self.value if value is None else value
        if value is None:
            return [self.spelling]
        if self.spelling.startswith("--"):
            return [f"{self.spelling}={value}"]
        return [self.spelling, value]


class Words(Struct, frozen=True):
    """What was said."""

    names: tuple[str, ...]
    given: tuple[Given, ...]

    def value(self, name: str) -> str | None:
        """What an option was given for all nodes, the last time; None: nothing."""
        values = [one.value for one in self.given if one.option.name == name]
        return values[-1] if values else None

    def has(self, name: str) -> bool:
        """Was it said at all?"""
        return any(one.option.name == name for one in self.given)


def read(words: Sequence[str], known: Mapping[str, Option]) -> Words:
    """Tell names from options.

    Args:
        words: What was typed.
        known: Spelling to option, as in ``-Q`` and ``--queues``.

    Raises:
        UnknownOption: there is no such option.
        UnreadableWords: a value is missing, or is one too many.
    """
    names: list[str] = []
    given: list[Given] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            names.append(word)
        elif word == "--":
            raise UnreadableWords("nothing can stand behind `--`: a worker takes only options")
        elif word.startswith("--"):
            given.append(_read_long(word, rest, known))
        else:
            given.extend(_read_short(word, rest, known))
    return Words(tuple(names), tuple(given))


def _read_long(word: str, rest: Iterator[str], known: Mapping[str, Option]) -> Given:
    head, equals, value = word.partition("=")
    spelling, colon, selector = head.partition(":")
    option = _find(spelling, known)
    return _given(option, spelling, selector if colon else None, value if equals else None, rest)


def _read_short(word: str, rest: Iterator[str], known: Mapping[str, Option]) -> Iterator[Given]:
    """``-Q a``, ``-Qa``, ``-Q:1 a``, and flags together: ``-BE``."""
    spelling, tail = word[:2], word[2:]
    option = _find(spelling, known)
    if tail.startswith(":"):
        selector, equals, value = tail[1:].partition("=")
        yield _given(option, spelling, selector, value if equals else None, rest)
    elif option.takes_value:
        yield _given(option, spelling, None, tail or None, rest)
    else:
        yield Given(option, spelling)
        if tail:
            yield from _read_short(f"-{tail}", rest, known)


def _given(
    option: Option, spelling: str, selector: str | None, value: str | None, rest: Iterator[str]
) -> Given:
    if not option.takes_value:
        if value is not None:
            raise UnreadableWords(f"{spelling} takes no value, and got {value!r}")
        return Given(option, spelling, None, selector)
    if value is None:
        value = next(rest, None)
    if value is None:
        raise UnreadableWords(f"{spelling} needs a value")
    return Given(option, spelling, value, selector)


def _find(spelling: str, known: Mapping[str, Option]) -> Option:
    if spelling not in known:
        raise UnknownOption(spelling, sorted(known))
    return known[spelling]

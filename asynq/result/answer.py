"""What an attribute of a result gives: an awaitable that refuses to be anything else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

T = TypeVar("T", covariant=True)


class Answer(Generic[T]):
    """What an attribute of a result gives: await it, and it asks the backend."""

    __slots__ = ("_ask", "_name")

    def __init__(self, name: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._name = name
        self._ask = ask

    def __await__(self) -> Generator[Any, None, T]:
        return self._ask().__await__()

    def _refuse(self, *_: object) -> NoReturn:
        raise self._misuse()

    def _misuse(self) -> TypeError:
        return TypeError(f"await result.{self._name}: it asks the result backend, so it is awaited")

    # These raise. But a type checker that knew would take what follows for code that never runs,
    # and look at none of it.
    def __bool__(self) -> bool:
        raise self._misuse()

    def __eq__(self, other: object) -> bool:
        raise self._misuse()

    def __ne__(self, other: object) -> bool:
        raise self._misuse()

    if not TYPE_CHECKING:  # it refuses them by itself where it does not know of them
        __str__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
        __lt__ = __le__ = __gt__ = __ge__ = _refuse

    __hash__ = object.__hash__  # asyncio.gather keeps what it is given in a dict

    def __repr__(self) -> str:
        return f"<await result.{self._name}>"

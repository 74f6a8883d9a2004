from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import sys
import traceback
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

import msgspec
import pytest

from asynq.exceptions import RemoteError, TimeoutError
from asynq.wire import record
from asynq.wire.failures import Failure, rebuild, register_exception
from asynq.wire.record import Record

LIMIT = 64 * 1024


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def travel(error: BaseException, serializer: str = "json") -> BaseException:
    """There and back, over the bytes of a record."""
    body = record.encode(Record(status="FAILURE", error=Failure.of(error)), serializer)
    failure = record.decode(body).error
    assert failure is not None
    return rebuild(failure)


class RefusedError(Exception):
    def __init__(self, code: str, limit: int) -> None:
        super().__init__(code, limit)
        self.code, self.limit = code, limit

    class InnerError(Exception): ...


class NamedError(Exception):
    """Its `args` are not what it was called with."""

    def __init__(self, *, name: str, on: date) -> None:
        super().__init__(f"{name} on {on}")
        self.name, self.on = name, on


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
@pytest.mark.parametrize(
    "error",
    [
        ValueError("wrong"),
        KeyError("key"),
        Exception(),
        RefusedError("limit", 5),
        RefusedError.InnerError("in a class"),
        ValueError(2**70, b"\xff", (1, date(2026, 1, 1)), {"a": {1, 2}}, 1.5, None),
        FileNotFoundError(2, "No such file", "/x/y"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        TimeoutError("too late"),
        builtins.TimeoutError("a builtin by another name"),
    ],
    ids=repr,
)
def test_an_error_known_here_comes_back_as_itself(error: Exception, serializer: str):
    back = travel(error, serializer)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.args == error.args


def test_the_attributes_of_an_error_come_back():
    back = travel(RefusedError("limit", 5))
    assert isinstance(back, RefusedError)
    assert (back.code, back.limit) == ("limit", 5)
    missing = travel(FileNotFoundError(2, "No such file", "/x/y"))
    assert isinstance(missing, FileNotFoundError)
    assert (missing.errno, missing.filename) == (2, "/x/y")


def test_an_error_that_its_args_do_not_build_is_a_remote_error_of_its_name():
    back = travel(NamedError(name="a", on=date(2026, 1, 1)))
    assert isinstance(back, RemoteError)
    assert type(back).__name__ == "NamedError"
    assert str(back) == "a on 2026-01-01"


def test_an_error_unknown_here_is_a_remote_error_of_its_name():
    failure = Failure(type="shop.stock.Empty", text="none left", args=("none left",))
    back = rebuild(failure)
    assert isinstance(back, RemoteError)
    assert traceback.format_exception_only(back) == ["shop.stock.Empty: none left\n"]


def test_an_unknown_error_is_the_same_class_each_time():
    failure = Failure(type="shop.stock.Empty", text="none left")
    assert type(rebuild(failure)) is type(rebuild(failure))


def test_an_unknown_error_travels_on_under_its_own_name():
    first = Failure(type="shop.stock.Empty", text="none left")
    second = Failure.of(rebuild(first))
    assert (second.type, second.text) == (first.type, first.text)


def test_nothing_is_imported_because_a_failure_says_so():
    assert "this" not in sys.modules
    rebuild(Failure(type="this.Zen", text="", args=()))
    rebuild(Failure(type="tests.wire.test_failures.this.Zen", text="", args=()))
    assert "this" not in sys.modules


def test_a_lazy_module_attribute_is_not_touched(monkeypatch: pytest.MonkeyPatch):
    touched: list[str] = []
    module = type(sys)("lazy_errors")
    module.__getattr__ = touched.append  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy_errors", module)
    assert isinstance(rebuild(Failure(type="lazy_errors.Any", text="")), RemoteError)
    assert touched == []


@pytest.mark.parametrize(
    "name",
    [
        "builtins.eval",
        "builtins.print",
        "builtins.dict",
        "builtins.BaseException",
        "os.system",
        "subprocess.Popen",
        "subprocess",
        "",
        ".",
        "..",
        "builtins.ValueError.args",
        "no\x00name",
        "\x00",
    ],
)
def test_only_errors_are_made(name: str):
    back = rebuild(Failure(type=name, text="echo", args=("echo",)))
    assert isinstance(back, RemoteError)


def test_an_error_whose_text_would_differ_is_a_remote_error():
    back = rebuild(Failure(type="builtins.ValueError", text="one", args=("two",)))
    assert isinstance(back, RemoteError)
    assert str(back) == "one"


class AliasedError(Exception): ...


AnotherName = AliasedError


@pytest.mark.parametrize(
    "name",
    [
        f"{__name__}.AnotherName",
        f"{__name__}.builtins.ValueError",
        f"{__name__}.asyncio.QueueEmpty",
        "json.decoder.JSONDecodeError.__mro__",
        f"{__name__}.RefusedError.__base__",
    ],
)
def test_a_class_is_found_by_its_own_name_alone(name: str):
    error = rebuild(Failure(type=name, text="", args=()))
    assert isinstance(error, RemoteError)


@pytest.mark.parametrize(
    "name",
    ["a.\x1b[31mRed", "a.Two\nLines", "a." + "x" * 300, "", ".", "..", "a.\u202eRight", "a.\x00"],
)
def test_a_name_that_no_class_has_is_not_taken_over(name: str):
    error = rebuild(Failure(type=name, text="text"))
    assert isinstance(error, RemoteError)
    assert str(error) == "text"
    printed = "".join(traceback.format_exception(error))
    assert printed.removesuffix("\n").isprintable()
    assert len(printed) < 300


def test_only_exceptions_are_ever_called():
    """Whatever a record names: a class that is no error, or a function, is not even touched."""
    for name in ("os.system", "subprocess.Popen", "builtins.SystemExit", "builtins.eval"):
        error = rebuild(Failure(type=name, text="", args=("echo no",)))
        assert isinstance(error, RemoteError)


def test_a_registered_class_comes_back_wherever_it_lives():
    class LocalError(Exception): ...

    assert isinstance(travel(LocalError("a")), RemoteError)
    assert register_exception(LocalError) is LocalError
    assert type(travel(LocalError("a"))) is LocalError


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError("by hand"),
        StopIteration(1),
        StopAsyncIteration(),
        BaseException("bare"),
    ],
    ids=repr,
)
def test_an_error_that_would_end_the_caller_is_a_remote_error(error: BaseException):
    back = travel(error)
    assert isinstance(back, RemoteError)
    assert type(back).__name__ == type(error).__name__
    assert str(back) == str(error)


def test_the_remote_traceback_is_a_note_on_the_error():
    def cause() -> NoReturn:
        raise ValueError("deep down")

    try:
        cause()
    except ValueError as error:
        back = travel(error)
    (note,) = back.__notes__
    assert note.startswith("Remote traceback:\nTraceback (most recent call last):")
    assert "in cause" in note
    assert note.endswith("ValueError: deep down")


def test_causes_come_back():
    try:
        try:
            raise KeyError("a")
        except KeyError as error:
            raise ValueError("b") from error
    except ValueError as error:
        back = travel(error)
    assert isinstance(back.__cause__, KeyError)
    assert "direct cause of" in back.__notes__[0]
    assert not hasattr(back.__cause__, "__notes__")


def test_a_group_comes_back_with_its_members():
    group = ExceptionGroup("two", [ValueError("a"), ExceptionGroup("in", [RefusedError("b", 1)])])
    back = travel(group)
    assert isinstance(back, ExceptionGroup)
    assert back.message == "two"
    with pytest.raises(ExceptionGroup) as caught:
        raise back
    assert caught.group_contains(ValueError, match="a", depth=1)
    assert caught.group_contains(RefusedError, depth=2)


def test_a_group_of_what_would_end_the_caller_is_a_remote_error():
    back = travel(BaseExceptionGroup("bad", [SystemExit(1)]))
    assert isinstance(back, RemoteError)


def test_a_large_group_is_cut():
    group = ExceptionGroup("many", [ValueError(str(at)) for at in range(500)])
    assert len(Failure.of(group).members) < 50
    assert isinstance(travel(group), RemoteError)


def test_an_error_that_can_not_be_changed_comes_back():
    assert travel(FrozenError(5)).args == (5,)


def failing(*_: Any) -> NoReturn:
    raise RuntimeError("no")


@pytest.mark.parametrize("method", ["__str__", "__repr__", "__reduce__", "__bool__", "__hash__"])
def test_an_error_may_fail_at_whatever_it_is_asked(method: str):
    cls = type("Hostile", (Exception,), {method: failing, "__module__": __name__})
    failure = Failure.of(raised(cls("a")))
    assert failure.type == f"{__name__}.Hostile"
    unreadable = "<tests.wire.test_failures.Hostile: its str() failed>"
    assert failure.text == (unreadable if method == "__str__" else "a")
    assert isinstance(travel(raised(cls("a"))), RemoteError)


def test_an_error_may_end_the_process_from_its_text():
    cls = type("Hostile", (Exception,), {"__str__": lambda self: sys.exit(1)})
    assert Failure.of(cls()).text.endswith("its str() failed>")


def test_an_error_may_have_args_that_can_not_travel():
    for args in ((object(),), ("\ud800",), ("x" * 2**20,)):
        assert Failure.of(Exception(*args)).args is None
        assert isinstance(travel(Exception(*args)), RemoteError)


def test_an_error_may_have_args_that_hold_themselves():
    loop: list[object] = []
    loop.append(loop)
    assert Failure.of(Exception(loop)).args is None


def test_an_error_may_have_no_module():
    cls = type("Odd", (Exception,), {"__module__": None})
    assert type(travel(cls("a"))).__name__ == "Odd"


def test_args_of_very_many_values_stay_behind():
    kept = Failure.of(ValueError("x" * 5000, list(range(1000)), {"a": [1] * 500}))
    assert kept.args == ("x" * 5000, list(range(1000)), {"a": [1] * 500})
    for args in (range(5000), [list(range(5000))], [[["x"] * 10] * 1000]):
        assert Failure.of(ValueError(*args)).args is None


def test_half_characters_are_written_out():
    assert Failure.of(Exception("a\ud800b")).text == "a\\ud800b"


def test_a_huge_text_is_cut():
    failure = Failure.of(raised(ValueError("ä" * 10_000_000)))
    assert len(failure.text.encode()) <= LIMIT
    assert failure.text.endswith("[... left out ...] ")
    assert len(failure.traceback.encode()) <= LIMIT
    assert failure.args is None
    assert len(msgspec.json.encode(failure)) < 3 * LIMIT


def test_huge_notes_and_causes_are_cut():
    error = ValueError("small")
    error.add_note("n" * 10_000_000)
    error.__cause__ = KeyError("c" * 10_000_000)
    failure = Failure.of(raised(error))
    assert len(failure.traceback.encode()) <= LIMIT
    assert len(msgspec.json.encode(failure)) < 2 * LIMIT


def test_a_deep_traceback_is_cut_in_the_middle():
    def one(depth: int) -> None:
        two(depth - 1) if depth else failing()

    def two(depth: int) -> None:
        one(depth)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(30_000)
    try:
        one(5_000)
    except RuntimeError as error:
        failure = Failure.of(error)
    finally:
        sys.setrecursionlimit(limit)
    assert "frames left out" in failure.traceback
    assert "in test_a_deep_traceback_is_cut_in_the_middle" in failure.traceback
    assert failure.traceback.rstrip().endswith("RuntimeError: no")
    assert len(failure.traceback) < 16_000


def test_a_recursion_error_is_an_error_like_others():
    def endless() -> None:
        endless()

    with pytest.raises(RecursionError) as caught:
        endless()
    assert type(travel(caught.value)) is RecursionError


def test_a_loop_of_causes_ends():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    failure = Failure.of(one)
    assert failure.cause is not None
    assert failure.cause.cause is None


def test_a_long_chain_of_causes_is_cut():
    error = first = ValueError("0")
    for at in range(10_000):
        error.__cause__ = ValueError(str(at))
        error = error.__cause__
    back: BaseException | None = travel(first)
    length = 0
    while back is not None:
        back, length = back.__cause__, length + 1
    assert 10 < length < 50


def test_a_failure_made_by_hand_may_be_endless():
    failure = Failure(type="builtins.ValueError")
    for _ in range(500):
        failure = Failure(type="builtins.ValueError", cause=failure)
        failure = Failure(type="builtins.ExceptionGroup", members=(failure,))
    assert isinstance(rebuild(failure), Exception)


def test_the_error_of_another_library_that_looks_like_a_cancellation_comes_back():
    assert type(travel(concurrent.futures.CancelledError())) is concurrent.futures.CancelledError


def test_a_failure_leaves_out_what_is_not_there():
    written = msgspec.json.decode(msgspec.json.encode(Failure.of(ValueError())))
    assert written == {"type": "builtins.ValueError", "args": [], "traceback": "ValueError\n"}

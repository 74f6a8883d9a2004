"""Values of others as text."""

import pytest

from asynq.worker.showing import shown


class Says:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        if isinstance(self.text, Exception):
            raise self.text
        return self.text


def test_a_short_value_is_shown_whole():
    assert shown((4, "é"), 20) == "(4, 'é')"
    assert shown({"y": 4}, 8) == "{'y': 4}"


@pytest.mark.parametrize("text", ["x" * 100, "é" * 50, "\U0001f41f" * 25])
def test_a_long_one_is_cut_by_its_bytes(text):
    assert shown(Says(text), 100) == text
    for most in range(90, 100):
        cut = shown(Says(text), most)
        assert most - 6 < len(cut.encode()) <= most
        assert cut.endswith("…")


@pytest.mark.parametrize("value", [None, True, -7, 2.5, float("nan"), "", "a'b", b"x", [], {}, 1j])
def test_what_is_plain_looks_as_in_python(value):
    assert shown(value, 30) == repr(value)


class Loud:
    seen = 0

    def __repr__(self):
        Loud.seen += 1
        return "x"

    __hash__ = object.__hash__


@pytest.mark.parametrize("make", [list, tuple, set, frozenset, dict.fromkeys])
def test_of_many_only_those_are_looked_at_that_can_be_seen(make):
    Loud.seen = 0
    text = shown(make(Loud() for _ in range(1000)), 100)
    assert Loud.seen <= 100
    assert len(text.encode()) <= 100
    assert text.endswith("…")


@pytest.mark.parametrize("value", ["x" * 10**6, b"x" * 10**6])
def test_a_huge_text_is_cut(value):
    assert shown(value, 10) == repr(value)[:7] + "…"


def test_one_that_can_not_be_shown_is_named():
    assert shown(Says(LookupError()), 100) == "<Says that can't be shown>"


def test_it_is_one_line_and_can_be_written():
    assert shown(Says("a\nb\ud800"), 100) == "a b\\ud800"

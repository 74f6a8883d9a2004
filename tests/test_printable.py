"""What comes from others, on a terminal and in a log."""

import pytest

from asynq._printable import printable, printable_lines

ESCAPED = {
    "\x1b[31mred": "\\u001b[31mred",
    "\x9b31mred": "\\u009b31mred",
    "a\rb": "a\\u000db",
    "a\x00b": "a\\u0000b",
    "a\u202eb": "a\\u202eb",
    "a\u2028b": "a\\u2028b",
    "a\ud800b": "a\\ud800b",
    "a\x7fb\x08": "a\\u007fb\\u0008",
}


@pytest.mark.parametrize(("text", "shown"), ESCAPED.items(), ids=ascii)
def test_what_acts_on_a_terminal_is_written_out(text, shown):
    assert printable(text) == printable_lines(text) == shown


@pytest.mark.parametrize("text", ["plain", "zażółć gęślą jaźń", "日本語", "🙂", "a\xa0b", ""])
def test_what_only_looks_stays(text):
    assert printable(text) == printable_lines(text) == text


def test_a_line_stays_one_line():
    assert printable("a\nb\tc") == "a\\u000ab\\u0009c"


def test_lines_that_may_be_several_are_indented():
    assert printable_lines("a\nb\x1b\n\tc", "  ") == "a\n  b\\u001b\n  \tc"


def test_a_long_text_can_be_cut():
    assert printable("x" * 50, 10) == "x" * 9 + "…"
    assert printable("x" * 10, 10) == "x" * 10

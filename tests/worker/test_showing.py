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


def test_one_that_can_not_be_shown_is_named():
    assert shown(Says(LookupError()), 100) == "<Says that can't be shown>"


def test_it_is_one_line_and_can_be_written():
    assert shown(Says("a\nb\ud800"), 100) == "a b\\ud800"

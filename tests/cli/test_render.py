"""Text for people, JSON for programs."""

import json

from asynq.cli.render import complain, pairs, say_json, table


def test_columns_are_as_wide_as_they_need_to_be():
    assert table([("a", "1000"), ("longer", "2")], ("NAME", "N")) == (
        "NAME    N\na       1000\nlonger  2"
    )
    assert table([], ("NAME", "N")) == "NAME  N"


def test_pairs_stand_under_each_other():
    assert pairs({"a": 1, "long": 2}) == "  a     1\n  long  2"
    assert pairs({}) == ""


def test_json_is_one_document_whatever_is_in_it(capsys):
    say_json({"b": 1, "a": {1, 2}, "c": object, "d": b"x"})
    told = json.loads(capsys.readouterr().out)
    assert (told["a"], told["b"], told["c"]) == ([1, 2], 1, "<class 'object'>")


def test_complaints_go_to_standard_error_without_colours_where_it_is_no_terminal(capsys):
    complain("no")
    assert capsys.readouterr() == ("", "Error: no\n")

"""Which calls are revoked by their headers."""

import msgspec
import pytest

from asynq.wire.rules import Rules
from asynq.wire.stamps import RevokedStamps, Stamps

ACME = RevokedStamps({"customer": ("acme", "5")}, until=100.0)


@pytest.mark.parametrize(
    "headers",
    [
        {"customer": "acme"},
        {"customer": 5},
        {"customer": "5", "trace": "x"},
        {"customer": ["other", "acme"]},
    ],
    ids=str,
)
def test_a_call_with_one_of_the_values_is_meant(headers):
    assert Stamps([ACME]).revoked(headers, now=99.0)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"customer": "Acme"},
        {"client": "acme"},
        {"customer": {"acme": 1}},
        {"customer": []},
    ],
    ids=str,
)
def test_any_other_is_not(headers):
    assert not Stamps([ACME]).revoked(headers, now=99.0)


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (None, "null"), (1.5, "1.5")])
def test_what_is_no_text_is_compared_as_json(value, text):
    rule = RevokedStamps({"h": (text,)}, until=1.0)
    assert Stamps([rule]).revoked({"h": value}, now=0.0)


def test_it_counts_for_a_time_and_the_longest_time_counts():
    stamps = Stamps([ACME, RevokedStamps({"customer": ("acme",)}, until=50.0)])
    assert stamps.revoked({"customer": "acme"}, now=99.9)
    assert not stamps.revoked({"customer": "acme"}, now=100.0)


def test_what_runs_is_another_matter():
    stamps = Stamps([ACME, RevokedStamps({"customer": ("acme",)}, until=50.0, terminate=True)])
    assert stamps.terminated({"customer": "acme"}, now=49.9)
    assert not stamps.terminated({"customer": "acme"}, now=50.0)
    assert not stamps.terminated({"customer": "5"}, now=0.0)


def test_nothing_revoked_is_false():
    assert not Stamps()
    assert Stamps([ACME])


def test_what_is_kept_is_read_and_what_is_nonsense_is_passed_over():
    kept = {"stamps-revoked:2": ACME.written(), "stamps-revoked:1": "{", "stamps-revoked:0": "[]"}
    assert Rules.read(kept) == Rules(stamps=(ACME,))
    with pytest.raises(msgspec.DecodeError):
        RevokedStamps.read("{}")

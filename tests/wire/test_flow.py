"""A message and its input as one, and references to values."""

from __future__ import annotations

import msgspec
import pytest

from asynq.exceptions import DecodeError
from asynq.wire.flow import Flow, reference, referred, split_input, with_input


@pytest.mark.parametrize("input", [b"8", b"\x03\x04", bytes(range(256)) * 1000])
@pytest.mark.parametrize("body", [b"", b"{}", b"\x03\x00\x00\x00\x01", b"x" * 100_000])
def test_a_message_and_its_input_come_apart_again(body: bytes, input: bytes):
    assert split_input(with_input(body, input)) == (body, input)


def test_without_an_input_a_message_stays_as_it_is():
    assert with_input(b"{}", b"") == b"{}"
    assert split_input(b"{}") == (b"{}", b"")
    assert split_input(b"") == (b"", b"")


def test_what_was_cut_short_is_an_error():
    whole = with_input(b"{}", b"8")
    for end in range(1, len(whole)):
        with pytest.raises(DecodeError, match="cut short"):
            split_input(whole[:end])


def test_a_reference_says_which_parallel():
    assert [referred(reference(number)) for number in (1, 45, 10_000)] == [1, 45, 10_000]
    for value in (b"", b"{}", b"\x04", b"\x04x", b"\x04-1", b"5", b"\x03" + b"1"):
        assert referred(value) == 0


def test_a_place_is_small_and_comes_back():
    place = Flow(workflow="w", node=3, start=((4, 4),), join=(2, 0), takes="id", end=5)
    written = msgspec.json.encode(place)
    assert msgspec.json.decode(written, type=Flow) == place
    assert len(msgspec.json.encode(Flow(workflow="w", node=1))) == len(b'{"w":"w","n":1}')


def test_a_call_that_has_its_arguments_wants_no_more():
    for place in (
        Flow(workflow="w", node=1, takes="id"),
        Flow(workflow="w", node=1, failed=True),
        Flow(workflow="w", node=1, values_of=2),
    ):
        complete = place.complete()
        assert not complete.wants_input
        assert (complete.takes, complete.values_of, complete.failed) == ("", 0, False)
    assert Flow(workflow="w", node=1, takes="id").wants_input
    assert Flow(workflow="w", node=1, failed=True).wants_input
    assert not Flow(workflow="w", node=1, values_of=2).wants_input  # it asks for them itself

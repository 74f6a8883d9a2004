"""Two ways of putting names and bytes together never look alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from asynq.wire.framing import key_id, name_of, named, part

texts = some.text(max_size=20)


@given(some.lists(texts, max_size=4), some.lists(texts, max_size=4))
def test_other_texts_are_other_bytes(one, other):
    joined = [b"".join(map(part, each)) for each in (one, other)]
    assert (joined[0] == joined[1]) == (one == other)


def test_what_a_text_is_cut_into_makes_a_difference():
    assert part("ab") + part("c") != part("a") + part("bc") != part("abc")
    assert part("\udc80")  # whatever came over the wire


@given(some.text("abcdefghij0123456789-", max_size=64), some.binary(max_size=9))
def test_a_keys_id_is_found_again_and_what_comes_after_it(id, rest):
    data = b"\x80" + named(key_id(id)) + rest
    name, end = name_of(data)
    assert (name, data[end:]) == (key_id(id), rest)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x05", b"\x80\x05ab", b"\x80\xff"])
def test_of_something_cut_short_the_id_is_cut_short_too(data):
    name, end = name_of(data)
    assert name == data[2:]
    assert end >= len(data[:2])

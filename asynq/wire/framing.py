"""Names beside bytes, so that no two ways of putting them together look alike."""

from __future__ import annotations


def part(text: str) -> bytes:
    """A text and a byte that is in no UTF-8: what follows can't be taken for a piece of it."""
    return text.encode("utf-8", "surrogatepass") + b"\xff"


def key_id(id: str) -> bytes:
    """A key's id, as it stands before what the key has closed."""
    return id.encode("ascii")


def named(id: bytes) -> bytes:
    """A key's id with its length, a byte, before it."""
    return bytes((len(id),)) + id


def name_of(data: bytes) -> tuple[bytes, int]:
    """The id of the key that closed this, and where what comes after it begins.

    Never fails: of something cut short the id is cut short too.
    """
    end = 2 + (data[1] if len(data) > 1 else 0)
    return data[2:end], end

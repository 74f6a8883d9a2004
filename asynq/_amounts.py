"""Lengths of time and sizes, as people read them."""

from __future__ import annotations


def roughly(seconds: float) -> str:
    """A length of time, in the largest unit of which there are two: 12 s, 3 min, 5 h, 2 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(number: float) -> str:
    """So many bytes, in three digits and the unit that has room for them: 512 bytes, 1.23 MB."""
    for unit in ("bytes", "kB", "MB"):
        if number < 999.5:  # from there on three digits would be written as 1e+03
            return f"{number:.3g} {unit}"
        number /= 1_000
    return f"{number:,.1f} GB"

"""Lengths of time and sizes, as people read them."""

import pytest

from asynq._amounts import roughly, size

TIMES = {
    0: "0 s",
    0.4: "0 s",
    119: "119 s",
    120: "2 min",
    7_199: "120 min",
    7_200: "2 h",
    172_799: "48 h",
    172_800: "2 d",
    864_000: "10 d",
}
SIZES = {
    0: "0 bytes",
    999: "999 bytes",
    1_000: "1 kB",
    999_400: "999 kB",
    999_600: "1 MB",
    1_234_567: "1.23 MB",
    999_700_000: "1.0 GB",
    5_000_000_000: "5.0 GB",
    1_234_567_890_123: "1,234.6 GB",
}


@pytest.mark.parametrize(("seconds", "told"), TIMES.items())
def test_a_time_is_told_in_the_largest_unit_of_which_there_are_two(seconds, told):
    assert roughly(seconds) == told


@pytest.mark.parametrize(("number", "told"), SIZES.items())
def test_a_size_is_told_in_three_digits(number, told):
    assert size(number) == told

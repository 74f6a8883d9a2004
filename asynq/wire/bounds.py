"""What a field of something that came from outside may hold, checked while it is decoded.

Whoever can write to the server can write any number into it. One that is none, or that lies outside
the calendar, would otherwise be met deep inside the worker, where an error concerns every task.
How much there can be of anything is bounded by the size of the whole, which is looked at first, and
how deep, by the decoder.
"""

from __future__ import annotations

import sys
from typing import Annotated, Final

from msgspec import Meta

LONGEST: Final = 200
"""Characters of an id, or of a name to show."""

Moment = Annotated[float, Meta(ge=-62135596800, le=253402300799)]
"""Unix time, seconds: from the year 1 to the end of 9999."""

Milliseconds = Annotated[int, Meta(ge=-62135596800_000, le=253402300799_999)]
"""The same, milliseconds."""

Seconds = Annotated[float, Meta(ge=0, le=sys.float_info.max)]
"""A duration; finite."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""How often something happened."""

Name = Annotated[str, Meta(max_length=LONGEST)]
"""An id, or a name to show."""

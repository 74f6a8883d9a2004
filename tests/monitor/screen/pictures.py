"""Makes the pictures of the live screen in docs/: python -m tests.monitor.screen.pictures"""

import asyncio
import os
import re
import sys
import time
from pathlib import Path

from tests.monitor.screen.conftest import driving
from tests.monitor.screen.sample import FAILED_ID, SampleMonitor, at_noon, cluster
from tests.test_house import ROOT

PLACE = ROOT / "docs" / "assets" / "screen"
PICTURES = {
    # name: size, keys, what is seen then
    "overview": ((120, 36), ["1"], "Last failures"),
    "tasks": ((120, 30), ["2"], "RUN TIME"),
    "search": ((100, 20), ["2", "slash", *"carddecl"], "of "),
    "task": ((100, 46), ["2", "slash", *FAILED_ID[-12:], "enter", "enter"], "Workflow"),
    "revoke": ((80, 24), ["2", "j", "j", "c"], "Terminate it too"),
    "workers": ((100, 12), ["3"], "NO EVENTS"),
    "queues": ((100, 10), ["4"], "paused"),
}


async def take(name: str) -> str:
    """One of them, as SVG."""
    size, keys, seen = PICTURES[name]
    with at_noon():
        async with driving(SampleMonitor(cluster()), size=size) as screen:
            await screen.press(*keys)
            await screen.sees(seen)
            await screen.sees_not("Reading what was told")
            await screen._pilot.pause()
            picture = screen.monitor.export_screenshot()
    # No font of another site is asked for: a reader's own will do.
    picture = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", picture, flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in picture.splitlines() if line.strip()) + "\n"


def main(place: Path = PLACE) -> None:
    """Make all of them."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    place.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        (place / f"{name}.svg").write_text(asyncio.run(take(name)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

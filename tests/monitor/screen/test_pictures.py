"""The pictures in the docs are those that the script makes."""

import re

from tests.monitor.screen.pictures import PICTURES, PLACE, take
from tests.test_house import ROOT


def test_the_page_shows_all_of_them():
    page = (ROOT / "docs" / "live-screen.md").read_text()
    shown = re.findall(r"\]\(assets/screen/(\w+)\.svg\)", page)
    assert sorted(shown) == sorted(PICTURES)
    assert sorted(path.stem for path in PLACE.iterdir()) == sorted(PICTURES)


async def test_a_picture_is_the_same_each_time():
    first = await take("queues")
    assert first == await take("queues")
    assert "paused" in first
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", first)

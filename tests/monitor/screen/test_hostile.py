"""Nothing that somebody sends acts on the terminal, or on the screen's own language."""

import pytest

from asynq import Asynq
from asynq.events.event import FAILED, Batch, Life
from asynq.exceptions import OptionValueError
from asynq.monitor import Detail
from asynq.monitor.screen.program import Monitor
from asynq.queues import QueueInfo
from asynq.wire.attempts import Attempt
from tests.monitor.screen.conftest import driving
from tests.monitor.screen.sample import NOON, SampleCluster

ACTING = "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J\r\b\u202e\u2028"
MARKUP = "[b]bold[/b][@click=app.quit]x[/][/nothing] [$error]c[/] [link=file:///etc]l[/link]"
EVIL = f"{MARKUP}{ACTING}"
CONTROLS = [*map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u202e", "\u2028"]


class EvilMonitor(Monitor):
    """Its tasks tell nothing but bad things."""

    async def look_at(self, id):
        return Detail(
            id=id, task=self.cluster.state.tasks.get(id), state=EVIL, result=EVIL + "\n" + EVIL,
            traceback=f"Traceback\n  File {EVIL}\n{EVIL}", letter=None, workflow=None, problem=EVIL,
            attempts=(Attempt(started=NOON, seconds=1.0, worker=EVIL, state=EVIL, error=EVIL),),
        )  # fmt: skip


@pytest.fixture
def evil():
    app = Asynq("evil", broker="memory://evil", set_as_current=False)
    cluster = SampleCluster(app)
    lives = [
        Life(f"{EVIL}{number}", received=0, ended=9, kind=FAILED, args=EVIL, kwargs=EVIL, text=EVIL,
             traceback=EVIL)
        for number in range(3)
    ]  # fmt: skip
    cluster.state.batch(Batch(hostname=EVIL, pid=1, source="evil", number=1, base=NOON,
                              tasks=[(EVIL, EVIL, lives)]))  # fmt: skip
    cluster.state.event({"type": f"task-{EVIL}", "uuid": "own", "name": EVIL})
    cluster.state.event({"type": "worker-heartbeat", "hostname": EVIL, "timestamp": NOON,
                         "sw_ident": EVIL, "sw_ver": EVIL, "loadavg": [1.0]})  # fmt: skip
    cluster.alive = [EVIL]
    cluster.paused_tasks = frozenset({EVIL})
    cluster.problem = EVIL
    cluster.queues = [
        QueueInfo(name=EVIL, ready=1, delayed=0, parked=0, running=0, dead=0, oldest=None, age=0.0,
                  rate=None, paused=True, limit=None, workers=(EVIL,), gone=0)
    ]  # fmt: skip
    return EvilMonitor(cluster)


def assert_harmless(screen):
    shown = screen.shown
    assert [sign for sign in CONTROLS if sign in shown.replace("\n", "")] == []
    links = [
        segment
        for strip in screen.monitor.screen._compositor.render_strips()
        for segment in strip
        if segment.style is not None and (segment.style.link or "@click" in segment.style.meta)
    ]
    assert links == []
    return shown


@pytest.mark.parametrize(
    "keys",
    [
        ["1"], ["2"], ["3"], ["4"], ["2", "j", "enter"], ["2", "t", "G"], ["2", "c"], ["2", "a"],
        ["2", "p"], ["4", "p"], ["4", "l"], ["2", "s"], ["2", "n"], ["3", "enter"], ["4", "enter"],
        ["1", "enter"],
    ],
    ids=" ".join,
)  # fmt: skip
async def test_what_others_send_is_text_and_nothing_else(evil, keys):
    async with driving(evil, size=(160, 50)) as screen:
        await screen.press(*keys)
        await screen.sees("[b]bold[/b]")
        assert_harmless(screen)


async def test_what_an_error_says_is_text_and_nothing_else(evil):
    async with driving(evil, size=(160, 50)) as screen:
        evil.tell(str(OptionValueError(EVIL)), wrong=True)
        await screen.sees("[b]bold[/b][@click=app.quit]x[/]")
        assert_harmless(screen)


async def test_a_copied_id_is_the_id_and_nothing_else(evil):
    async with driving(evil) as screen:
        await screen.press("2", "y")
        assert evil.clipboard == evil.subject.uuid

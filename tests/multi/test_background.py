"""Starting one worker in the background: what is known of it afterwards is so."""

import os
import stat

import msgspec
import pytest

from asynq.multi import background
from asynq.multi.background import CANT_CREATE, Failed, Up, launch, make_directory, try_to_launch
from asynq.multi.pidfile import AlreadyRunning, find
from tests.multi.scripts import READY, launch_of


def test_it_is_up_when_it_says_that_it_is_ready(place):
    what = launch_of(place)
    up = launch(what)
    assert up.ready
    with find(what.pidfile) as holder:
        assert holder.pid == up.pid
    assert what.logfile.read_text() == "says something\n"


def test_it_has_a_session_of_its_own_and_nothing_of_our_terminal(place):
    inputs = "print(os.getsid(0) == os.getpid(), sys.stdin.read() == '', flush=True)"
    what = launch_of(place, then=f"{inputs}; {READY}")
    launch(what)
    assert what.logfile.read_text().splitlines()[1] == "True True"


def test_one_that_runs_already_is_left_alone(place):
    what = launch_of(place)
    first = launch(what)
    with pytest.raises(AlreadyRunning, match=rf"\(pid: {first.pid}\)"):
        launch(what)
    failed = try_to_launch(what)
    assert isinstance(failed, Failed)
    assert failed.code == CANT_CREATE


def test_one_that_dies_is_told_with_its_code_and_the_end_of_its_log(place):
    what = launch_of(place, then="sys.exit('no broker\\nat all')")
    what.logfile.parent.mkdir()
    what.logfile.write_text("of another day\n")
    failed = try_to_launch(what)
    assert isinstance(failed, Failed)
    assert failed.code == 1
    assert failed.why.splitlines() == [
        f"ended at once, with exit code 1. The end of {what.logfile}:",
        *("    says something", "    no broker", "    at all"),
    ]


@pytest.mark.parametrize(
    ("then", "code", "told"),
    [
        ("sys.exit(78)", 78, "exit code 78"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "SIGKILL"),
        ("stages.loaded(); sys.exit(69)", 69, "exit code 69"),
    ],
    ids=str,
)
def test_its_exit_code_is_ours(place, then, code, told):
    failed = try_to_launch(launch_of(place, then=then))
    assert isinstance(failed, Failed)
    assert failed.code == code
    assert f"with {told}. The end" in failed.why


def test_what_its_log_says_can_not_act_on_the_terminal(place):
    failed = try_to_launch(launch_of(place, then="sys.exit('\\x1b[2J redis://me:hunter2@h/0')"))
    assert isinstance(failed, Failed)
    assert "\\u001b[2J" in failed.why
    assert "hunter2" not in failed.why


def test_one_whose_broker_does_not_answer_is_up_and_not_ready(place, monkeypatch):
    monkeypatch.setattr(background, "REACHING_SECONDS", 0.2)
    up = launch(launch_of(place, then="stages.loaded()"))
    assert not up.ready


def test_one_that_is_long_in_loading_is_left_to_itself(place, monkeypatch):
    monkeypatch.setattr(background, "LOADING_SECONDS", 1.5)
    what = launch_of(place, then="")
    up = launch(what)
    assert not up.ready
    with find(what.pidfile) as holder:
        assert holder.pid == up.pid


def test_a_parent_is_ready_when_all_its_workers_are(place, monkeypatch):
    monkeypatch.setattr(background, "REACHING_SECONDS", 0.2)
    two = "stages._write(b'ready\\n'); stages.ready()"
    assert launch(launch_of(place, "w2@h", then=f"stages.loaded(); {two}", processes=2)).ready
    one = launch_of(place, "w3@h", then="stages.loaded(); stages._write(b'ready\\n')", processes=2)
    assert launch(one) == Up(one_pid(one), ready=False)


def one_pid(what):
    with find(what.pidfile) as holder:
        return holder.pid


def test_a_place_that_can_not_be_made_is_named(place):
    (place / "run").write_text("a file")
    failed = try_to_launch(launch_of(place))
    assert isinstance(failed, Failed)
    assert (failed.code, str(place / "run") in failed.why) == (CANT_CREATE, True)


def test_directories_are_made_with_all_that_is_above_them(place):
    make_directory(place / "a" / "b")
    make_directory(place / "a" / "b")
    assert (place / "a" / "b").is_dir()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_has_the_mask_that_the_worker_is_told(place):
    what = msgspec.structs.replace(launch_of(place), umask=0o027)
    launch(what)
    assert [mode(place / "run"), mode(place / "log")] == [0o750, 0o750]
    assert [mode(what.logfile), mode(what.pidfile)] == [0o640, 0o600]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give things away")
def test_what_is_made_belongs_to_the_worker_when_root_makes_it(place):
    owner = background.Owner(65534, 65534, "nobody", "/")
    make_directory(place / "a" / "b", owner)
    assert [(place / part).stat().st_uid for part in ("", "a", "a/b")] == [0, 65534, 65534]

"""Whom a worker of root's may become."""

import os
import pwd
import subprocess
import sys

import pytest

from asynq.multi import owner as room
from asynq.multi.owner import NoSuchOwner, Owner

ME = pwd.getpwuid(os.getuid())


def test_nobody_is_named():
    assert Owner.named(None, None) is None


@pytest.mark.parametrize("name", [ME.pw_name, str(ME.pw_uid)])
def test_a_user_by_name_or_number_comes_with_the_group_and_the_home(name):
    assert Owner.named(name, None) == Owner(ME.pw_uid, ME.pw_gid, ME.pw_name, ME.pw_dir)


def test_a_group_may_be_named_alone():
    assert Owner.named(None, str(os.getegid())).uid == os.getuid()


@pytest.mark.parametrize(
    ("user", "group", "says"),
    [
        ("no-such-user", None, "--uid: there is no user 'no-such-user'"),
        ("4000000", None, "--uid: there is no user '4000000'"),
        (None, "no-such-group", "--gid: there is no group 'no-such-group'"),
    ],
)
def test_who_is_not_there_is_refused(user, group, says):
    with pytest.raises(NoSuchOwner, match=says):
        Owner.named(user, group)


def test_only_root_becomes_somebody_else(monkeypatch):
    monkeypatch.setattr(room.os, "geteuid", lambda: 1000)
    with pytest.raises(NoSuchOwner, match="only root can start a worker as user root"):
        Owner.named("root", None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_becoming_somebody_is_for_good():
    code = (
        "import os; from asynq.multi.owner import Owner; Owner.named('nobody', None).become();\n"
        "print(os.getuid(), os.getgid(), os.environ['USER'])\n"
        "try: os.setuid(0)\n"
        "except PermissionError: print('for good')"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    nobody = pwd.getpwnam("nobody")
    assert told.stdout == f"{nobody.pw_uid} {nobody.pw_gid} nobody\nfor good\n"

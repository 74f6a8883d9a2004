"""`--uid` and `--gid`: who a worker is, once it has been started by root."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from msgspec import Struct

from asynq.exceptions import AsynqError

if sys.platform != "win32":
    import grp
    import pwd


class NoSuchOwner(AsynqError):  # noqa: N818 - never leaves the command line
    """There is no such user or group, or we may not become it."""


class Owner(Struct, frozen=True):
    """A user and a group."""

    uid: int
    gid: int
    name: str
    home: str

    @classmethod
    def named(cls, user: str | None, group: str | None) -> Self | None:
        """By names or numbers; None: neither was said.

        Args:
            user: None: the one we are.
            group: None: the user's own.

        Raises:
            NoSuchOwner: there is none of that name, or only root can become it.
        """
        if user is None and group is None:
            return None
        try:
            entry = _user(str(os.getuid()) if user is None else user)
        except KeyError:
            raise NoSuchOwner(f"--uid: there is no user {user!r}") from None
        try:
            gid = entry.pw_gid if group is None else _group(group)
        except KeyError:
            raise NoSuchOwner(f"--gid: there is no group {group!r}") from None
        found = cls(entry.pw_uid, gid, entry.pw_name, entry.pw_dir)
        if os.geteuid() != 0 and (found.uid, found.gid) != (os.geteuid(), os.getegid()):
            raise NoSuchOwner(
                f"only root can start a worker as user {found.name} ({found.uid}) and group "
                f"{found.gid}; leave --uid and --gid out"
            )
        return found

    def become(self) -> None:
        """Have this process be theirs, for good, with their home directory."""
        if os.geteuid() != 0:
            return
        os.setgid(self.gid)
        os.initgroups(self.name, self.gid)
        os.setuid(self.uid)
        os.environ.update(HOME=self.home, USER=self.name, LOGNAME=self.name)

    def give(self, path: Path) -> None:
        """Make a file or a directory theirs."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def _user(name: str) -> pwd.struct_passwd:
    return pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)


def _group(name: str) -> int:
    return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid

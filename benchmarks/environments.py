"""An environment for each system that is compared, in the user's cache, made once."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Protocol

MINUTES = 10 * 60

_ASK = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


class Installed(Protocol):
    """What must be known of a system to install it; those of one `home` share an environment."""

    @property
    def home(self) -> str:
        """The name of its environment."""

    @property
    def install(self) -> tuple[str, ...]:
        """What pip installs; nothing where it runs in this environment."""

    @property
    def distributions(self) -> tuple[str, ...]:
        """Whose versions to print."""


def cache() -> Path:
    """Where the environments are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "asynq-benchmarks"


def interpreter(system: Installed, directory: Path) -> Path:
    """The Python that runs that system; made when it is not there, or was made for other words.

    Raises:
        subprocess.CalledProcessError: it could not be installed; what pip said is on stderr.
    """
    if not system.install:
        return Path(sys.executable)
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / system.home
    with (directory / f"{system.home}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may just be making it
        return _made(system, place)


def _made(system: Installed, place: Path) -> Path:
    python = place / "bin" / "python"
    stamp = place / ".installed"
    wanted = json.dumps([platform.python_version(), *system.install])
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", str(place)], check=True, timeout=MINUTES)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--upgrade", *system.install], check=True, timeout=MINUTES)
    stamp.write_text(wanted)
    return python


def versions(system: Installed, python: Path) -> dict[str, str]:
    """Of what matters in its environment."""
    told = subprocess.run(
        [str(python), "-c", _ASK, *system.distributions],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, str] = json.loads(told.stdout)
    return found

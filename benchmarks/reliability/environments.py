"""An environment for each peer, in the user's cache, made once."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.reliability.peers import Peer

MINUTES = 10 * 60

_ASK = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def cache() -> Path:
    """Where the environments are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "asynq-reliability"


def interpreter(peer: Peer, directory: Path) -> Path:
    """The Python that runs that peer; made when it is not there, or was made for other words.

    Raises:
        subprocess.CalledProcessError: it could not be installed; what pip said is on stderr.
    """
    if not peer.install:
        return Path(sys.executable)
    place = directory / peer.name
    python = place / "bin" / "python"
    stamp = place / ".installed"
    wanted = json.dumps([platform.python_version(), *peer.install])
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", str(place)], check=True, timeout=MINUTES)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--upgrade", *peer.install], check=True, timeout=MINUTES)
    stamp.write_text(wanted)
    return python


def versions(peer: Peer, python: Path) -> dict[str, str]:
    """Of what matters in its environment."""
    told = subprocess.run(
        [str(python), "-c", _ASK, *peer.distributions],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(told.stdout)

"""`--reload`: notices that Python files below a directory have changed. For development only.

It looks at names and times of change, once in a while: a watcher of the kernel's would be a
dependency, and misses what is edited outside a container.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


class Sources:
    """The Python files below a directory, as they were at the last look.

    Hidden directories and virtual environments are left out.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = self._look()

    def changed(self) -> list[Path]:
        """The files that are new, gone, or written since the last look. Blocks."""
        before, self._seen = self._seen, self._look()
        return sorted({Path(path) for path, _ in before.items() ^ self._seen.items()})

    def _look(self) -> dict[str, tuple[int, int]]:
        found = {}
        for path in self._files():
            try:
                about = os.stat(path)
            except OSError:  # gone since it was listed
                continue
            found[path] = (about.st_mtime_ns, about.st_size)
        return found

    def _files(self) -> Iterator[str]:
        for place, directories, files in os.walk(self._directory):
            if "pyvenv.cfg" in files:
                directories.clear()
                continue
            directories[:] = [
                name for name in directories if not name.startswith(".") and name not in SKIPPED
            ]
            yield from (os.path.join(place, name) for name in files if name.endswith(".py"))

"""Which versions are installed here."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def version_of(distribution: str) -> str:
    """The installed version of a distribution, in words if there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"

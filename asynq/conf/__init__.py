"""Settings: what there is to set, where the values come from, and what `app.conf` is."""

from __future__ import annotations

from asynq.conf.checking import SettingIgnored
from asynq.conf.settings import Settings

__all__ = ["SettingIgnored", "Settings"]

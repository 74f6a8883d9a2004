"""What the live screen and the web page stand on: one app's cluster, followed while they run."""

from __future__ import annotations

from asynq.monitor.cluster import Cluster as Cluster
from asynq.monitor.detail import Detail as Detail

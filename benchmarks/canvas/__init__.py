"""Chains, groups and chords of asynq beside Celery's, which are built by the same lines.

`python -m benchmarks.canvas` measures them in turn: time, bytes, memory, commands, processor time,
and how each of these grows with a workflow's length.
"""

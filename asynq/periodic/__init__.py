"""Periodic tasks on the calling side: what the code declares, and what is changed at run time.

`app.add_periodic_task` and `app.schedules` lead here; a service that has neither never loads it.
Who fires them is `asynq.beat`.
"""

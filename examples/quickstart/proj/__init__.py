"""A project with asynq: `asynq -A proj worker` finds the app in `proj.asynq`."""

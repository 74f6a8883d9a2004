"""The app. Workers import the modules in `include`; programs that only call do not need to."""

from asynq import Asynq

app = Asynq("proj", include=["proj.tasks"])

app.conf.update(result_expires=3600)

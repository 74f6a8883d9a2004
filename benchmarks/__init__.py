"""`make bench`: what asynq reaches here, beside what the machine allows, in one run."""

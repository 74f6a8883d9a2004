"""A tour of asynq, one concept a test, on real servers. Read the files in their order."""

"""Asynq beside other libraries, each in a room of its own; loaded when somebody imports it."""

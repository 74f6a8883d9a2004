"""The server behind `memory://`: a space of queues and records inside this process."""

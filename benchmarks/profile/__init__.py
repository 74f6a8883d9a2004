"""Where the time of one task goes: function by function in Python, script by script in Redis.

`python -m benchmarks.profile` prints it, for the running side (a worker drains a queue of no-op
tasks) and for the calling side (many calls at once, and one call after the other).
"""

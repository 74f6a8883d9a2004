"""Beat: fires periodic tasks when they are due. Run as many as you like.

No beat is in charge. Each knows all entries, and proposes every slot; the server takes each once
(see `asynq.brokers.schedules`). One of them has a lease and does so first, which only saves the
others the work: half a second later they look whether it was done, and if not, do it.
"""

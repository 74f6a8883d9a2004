"""Events: what workers and producers tell of tasks, kept on the server for whoever looks.

`event` says what travels, `dispatcher` gathers and writes it, `reading` reads it, `receiver` is
for handlers, `state` is the cluster as the events tell it. People find it all at `app.events`, in
`room`.
"""

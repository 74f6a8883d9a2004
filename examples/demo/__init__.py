"""`make demo`: real work on a private server, and a table of what happened."""

"""Bytes to searchable chunks, and the queue that carries the work. Knows nothing of HTTP."""

"""Two programs: `server` serves models over HTTP, `worker` runs jobs. Neither imports the other.

What both need is in `shared`.
"""

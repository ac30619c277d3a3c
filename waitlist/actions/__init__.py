"""The verbs of the queue, a file for each use case: the only code that changes entries, points and launches."""

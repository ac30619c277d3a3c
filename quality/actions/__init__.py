"""The verbs of quality, a file for each use case."""

"""The verbs of invites and codes, a file for each use case."""

"""Named reads of quality, a file for each use case as in actions/."""

"""Named reads of quality."""

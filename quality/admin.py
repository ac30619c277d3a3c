"""The console's pages of quality: what was found out and decided, to look at, and to act on by verbs with a reason."""

"""The console's pages of invites, a file for each thing they show."""

from invites.admin import batches, campaigns, codes, runs

__all__ = ["batches", "campaigns", "codes", "runs"]

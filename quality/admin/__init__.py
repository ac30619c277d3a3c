"""The console's pages of quality, a file for each thing they show."""

from quality.admin import alerts, assessments, gates, readings, refusals

__all__ = ["alerts", "assessments", "gates", "readings", "refusals"]

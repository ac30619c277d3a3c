"""The console's pages of quality, a file for each thing they show."""

from quality.admin import alerts, answers, assessments, gates, readings, refusals, stages

__all__ = ["alerts", "answers", "assessments", "gates", "readings", "refusals", "stages"]

"""The statements of quality that stand inside every grant."""

# The gates that are on, each with its latest decision and the override that lasts longest: one look.
# Plan: a launch has few gates; each probes decision_latest and override's index by gate once.
GATES = """
SELECT gate.id, gate.metric, gate.stops, gate.closes_at, gate.opens_at, gate.min_sample, gate.max_age_hours,
       decision.id AS decision_id, decision.is_open, decision.why, decision.value, decision.sample, decision.newest_at, decision.at,
       override.until, override.created_at AS overridden_at
FROM quality_gate AS gate
LEFT JOIN LATERAL (
    SELECT * FROM quality_decision WHERE gate_id = gate.id ORDER BY at DESC, id DESC LIMIT 1
) AS decision ON true
LEFT JOIN LATERAL (
    SELECT until, created_at FROM quality_override WHERE gate_id = gate.id AND ended_at IS NULL ORDER BY until DESC LIMIT 1
) AS override ON true
WHERE gate.launch_id = %(launch)s AND gate.is_on
ORDER BY gate.metric
"""

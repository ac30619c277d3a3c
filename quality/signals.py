"""What quality finds out and decides, in the past tense. Each says when it is announced and with what."""

from outbox.facts import Fact

# entry:ID {verdict, score, rules, act}
entry_assessed = Fact("entry.assessed", "A person was assessed, and was not simply allowed.")
# entry:ID {reason}
assessment_overruled = Fact("assessment.overruled", "Staff released somebody whom the rules had held.")
# gate:ID {launch, metric, why, value?, sample}
gate_closed = Fact("gate.closed", "A gate stopped letting people in.", public=True)
# gate:ID {launch, metric, why, value?, sample}
gate_opened = Fact("gate.opened", "A gate lets people in again.", public=True)
# gate:ID {launch, metric, changes, reason?}
gate_tuned = Fact("gate.tuned", "An owner set, changed, switched on or switched off a gate.")
# gate:ID {until, reason}
gate_overridden = Fact("gate.overridden", "Staff opened a gate whatever it decides, until a time.")
# gate:ID {reason}
override_ended = Fact("override.ended", "Staff ended an override early.")
# alert:ID {launch?, code, about}
alert_raised = Fact("alert.raised", "Something happens that a person should look at.", public=True)
# alert:ID {launch?, code, about, times}
alert_ended = Fact("alert.ended", "What was alerted is over.")
# entry:ID {launch}
question_asked = Fact("question.asked", "A member was asked the launch's one question, by message, once for ever.")
# entry:ID {score}
question_answered = Fact("question.answered", "A member answered the launch's one question.")
# domain:ID {disposable}
domain_listed = Fact("domain.listed", "An owner said of a mail domain that it is a throw-away one, or an honest one.")
# bar:ID {until, reason}
bar_made = Fact("bar.made", "Staff blocked a domain or a network until a time.")
# bar:ID {reason}
bar_ended = Fact("bar.ended", "Staff unblocked a domain or a network.")
# launch:ID {accepted, duplicates, rejected}
activities_told = Fact("activities.told", "The product reported what members did in it.")

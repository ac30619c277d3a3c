"""What happens between a person and the friends they bring, in the past tense. Each says when it is announced and with what."""

from outbox.facts import Fact

# referral:ID {launch, referrer, friend, via}
referral_qualified = Fact("referral.qualified", "A friend whom somebody brought is in.", public=True)
# referral:ID {launch, referrer, friend, reason}
referral_brought = Fact("referral.brought", "Staff said by a file who brought somebody.")
# referral:ID {launch, referrer, friend?, was, reason}
referral_voided = Fact(
    "referral.voided", "A referral counts no more: the friend is gone, or staff said so.", public=True
)
# entry:ID {reward, kind, amount, tier?, milestone?, again?, reason? (of staff)}; again: what was taken back with the count is given anew
reward_granted = Fact("reward.granted", "Somebody was given a reward.", public=True)
# entry:ID {milestone, friends}
milestone_reached = Fact(
    "milestone.reached", "Somebody's friends reached a count that pays, for the first time.", public=True
)
# referral:ID {launch, referrer, friend, via}
referral_attributed = Fact("referral.attributed", "A friend joined, and it is known who brought them.")
# referral:ID {launch, referrer, friend, via}
referral_confirmed = Fact("referral.confirmed", "A friend confirmed, or joined where nobody has to.")
# referral:ID {launch, referrer}
referral_shared = Fact(
    "referral.shared", "Somebody asked us to tell a friend; the friend is known as a keyed hash only."
)
# entry:ID {reward, kind, amount, tier?, reason}
reward_clawed_back = Fact(
    "reward.clawed_back", "A reward was taken back as far as it was unspent: its friends were voided, or staff said so."
)
# entry:ID {reward, kind, amount, reason}
reward_dropped = Fact("reward.dropped", "Staff decided that a reward which was due is not given.")
# launch:ID {milestone, kind, amount, tier}
milestone_set = Fact("milestone.set", "An owner said what a number of friends pays.")
# launch:ID {milestone}
milestone_unset = Fact("milestone.unset", "An owner took a milestone away; who reached it keeps its reward.")

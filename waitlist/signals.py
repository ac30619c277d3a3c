"""What happens in the queue, in the past tense. Each says when it is announced and with what."""

from outbox.facts import Fact

# entry:ID {launch, source, referred_by?, again?} · extra: the Arrival, for who joined for the first time
entry_joined = Fact("entry.joined", "Somebody joined, or joined again after leaving.", public=True)
# entry:ID {launch}
entry_confirmed = Fact("entry.confirmed", "The person confirmed their address and now waits.", public=True)
# entry:ID {launch, batch?}
entry_invited = Fact("entry.invited", "The person was granted a place and is owed an invite.", public=True)
# entry:ID {launch, tier} · extra: the new member's row
entry_registered = Fact("entry.registered", "The person is in.", public=True)
# entry:ID {user}
entry_linked = Fact("entry.linked", "A registered person made a log-in here.")
# entry:ID {reason}
entry_suspended = Fact("entry.suspended", "Staff took a registered person's access away for now.", public=True)
# entry:ID {reason}
entry_restored = Fact("entry.restored", "Staff gave a suspended person's access back.", public=True)
# entry:ID {status, reason}
entry_removed = Fact("entry.removed", "The person left, or was rejected or blocked.", public=True)
# entry:ID {reason}
entry_held = Fact("entry.held", "A moderator, or a verdict of review, put the brake on.")
# entry:ID {reason}
entry_released = Fact("entry.released", "The brake was taken off.")
# entry:ID {reason}
entry_approved = Fact("entry.approved", "A moderator approved the person.")
# entry:ID {} · the text stands in the comment alone
entry_commented = Fact("entry.commented", "Staff wrote a comment about a person.")
# entry:ID {until}
entry_deferred = Fact("entry.deferred", "The person asked to be passed over until a time.")
# entry:ID {lapses, tail}
entry_returned = Fact("entry.returned", "An invite lapsed and the person waits again.")
# entry:ID {reason}
entry_appealed = Fact("entry.appealed", "A rejected or blocked person was put back into the queue.")
# entry:ID {launch, confirm, old_told, reason} · extra: (the old Contact, the new one)
entry_readdressed = Fact("entry.readdressed", "Staff gave the person another address.")
# entry:ID {was, reason} · extra: the Entry as it was, for those who forget what they keep about it
entry_erased = Fact("entry.erased", "Staff erased the person; nothing that names them is left.")
# entry:ID {rows}
entry_taken_out = Fact("entry.taken_out", "Staff took all that is kept about a person, to hand it to them.")
# entry:ID {}, or launch:ID where nobody has the address
entry_resent = Fact("entry.resent", "The confirmation was asked for again.")
# entry:ID {}, or launch:ID where nobody has the address
digits_tried = Fact("digits.tried", "Somebody typed six digits, right or wrong.")
# entry:ID {rule, points, key}
points_awarded = Fact("points.awarded", "Somebody gained points after joining.")
# entry:ID {tier}
tier_raised = Fact("tier.raised", "Somebody was given a tier.")
# entry:ID {was, now, priority, reason, undone?}: rule to points before and after, [old, new]
entry_rescored = Fact("entry.rescored", "Somebody who waits was scored anew, or a new scoring was taken back.")
# launch:ID {turn, kind, changes, until?, reason}
launch_turned = Fact("launch.turned", "Several settings were turned at once: tightened for a time, or a step wider.")
# launch:ID {turn, kind, changes, left, reason}
launch_turned_back = Fact(
    "launch.turned_back", "What was turned at once is as it was, but for what an owner changed since."
)
# launch:ID {changes, weights?, reason?}: weights are [rule, key, arm, old, new]
launch_tuned = Fact("launch.tuned", "An owner changed a setting of the launch.")
# launch:ID {}
launch_made = Fact("launch.made", "A launch was made.")
# source_link:ID {launch, source, expires_at, cap}
source_link_made = Fact("source_link.made", "Staff made a link that vouches for a source.")
# upload:ID {kind, act, bytes, launch}
upload_brought = Fact("upload.brought", "Staff brought a file of rows, to be looked at before it acts.")
# upload:ID {encoding}
upload_read = Fact("upload.read", "Staff said how a file that they brought is to be read.")
# upload:ID {}
upload_checking = Fact("upload.checking", "The dry run of a file began.")
# upload:ID {rows, whole}
upload_checked = Fact("upload.checked", "The dry run of a file ended.")
# upload:ID {job, kind, act, rows, reason}
upload_started = Fact("upload.started", "Staff let a file act; each row's change stands beside what it changed.")
# upload:ID {}
upload_forgotten = Fact("upload.forgotten", "What a file said was deleted, a day after it came or at once.")

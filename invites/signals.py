"""What happens to invites and codes, in the past tense. Each says when it is announced and with what."""

from outbox.facts import Fact

# entry:ID {code, kind, campaign, owner?} · extra: Redeemed.
code_redeemed = Fact("code.redeemed", "Somebody used a code and is in.", public=True)
# code:ID {reason, entry?}; entry: whose invite has another code now
code_revoked = Fact("code.revoked", "A code was made useless for ever.", public=True)
# batch:ID {launch, size, reason?, pace?, seed?}
batch_planned = Fact("batch.planned", "Somebody, cron or the scheduler asked for the next people to be invited.")
# batch:ID {launch, released}
batch_released = Fact("batch.released", "A batch has invited everybody it will.", public=True)
# code:ID {reason}
code_paused = Fact("code.paused", "A code was switched off for now.")
# code:ID {reason}
code_resumed = Fact("code.resumed", "A paused code works again.")
# code:ID {days}
code_extended = Fact("code.extended", "A code was given more days.")
# code:ID {reason}
code_revealed = Fact("code.revealed", "Staff looked at a whole code.")
# code:ID {}
code_expired = Fact("code.expired", "A code ran out of time with uses left.")
# code_run:ID {launch, batch_id, count, campaign}
codes_made = Fact("codes.made", "Codes were made together.")
# code_run:ID {count, how: csv, txt or screen}
codes_taken = Fact("codes.taken", "Who made codes took them away, which works once.")
# code_run:ID {count, first, reason}
codes_printed = Fact("codes.printed", "Staff printed a sheet of codes.")
# partner_link:ID {launch, channel, days}
partner_linked = Fact("partner.linked", "A partner was given a page of their channel's numbers.")
# partner_link:ID {reason}
partner_unlinked = Fact("partner.unlinked", "A partner's page was taken back.")
# entry:ID {invite, batch?, code, path?}
invite_issued = Fact("invite.issued", "A person was offered a place, with one code.")
# entry:ID {invite}
invite_lapsed = Fact("invite.lapsed", "An invite was not used in time.")
# entry:ID {invite}
invite_declined = Fact("invite.declined", "The person said no to an invite.")
# entry:ID {message, reason, invite?, code?, old_code?}
message_resent = Fact("message.resent", "Staff had a message written to somebody again; an invite has a new code then.")
# entry:ID {code, reservation, place (of the call, as a keyed hash)}
use_reserved = Fact("use.reserved", "One use of a code is kept for a person until they prove their mailbox.")
# code:ID {reservation, place (of the call, as a keyed hash)}
use_kept = Fact("use.kept", "One use of a code is kept for a contact for a quarter of an hour.")
# code:ID {reservation}
use_given_back = Fact("use.given_back", "A use that was kept for a contact is free again before its time ran out.")
# batch:ID {reason}
batch_paused = Fact("batch.paused", "Staff stopped a batch for now.")
batch_resumed = Fact("batch.resumed", "Staff let a paused batch go on.")
batch_cancelled = Fact("batch.cancelled", "Staff ended a batch early.")
# containment:ID {launch, kind, codes, people, reason}
code_contained = Fact("code.contained", "A leak was contained: its codes let nobody in any more.", public=True)
# containment:ID {held, suspended, given_back, reissued, left}
containment_finished = Fact("containment.finished", "The last row of a containment was changed.")
# containment:ID {reason}
containment_undone = Fact("containment.undone", "Staff undid a containment within its day.")
# containment:ID {revoked}
containment_settled = Fact("containment.settled", "The day of a containment is over; its codes were revoked for good.")
# code:ID (the new one) {containment, instead_of, uses, entry?}
code_reissued = Fact("code.reissued", "A new code was made in place of a leaked one, for who is unaffected.")
# containment:ID {codes}
containment_shown = Fact("containment.shown", "Staff read the new codes of a containment, this once.")

"""Codes that were made elsewhere: of each we keep a digest and the last four, so that it is spent here like any other."""

import json
from collections.abc import Sequence
from typing import Any

from invites import codes, hot, signals
from invites.models import CodeRun
from outbox import sql
from outbox.facts import Said
from outbox.keys import newest
from outbox.states import verb
from waitlist.models import Launch


@verb
def bring_codes(launch: Launch, run_name: str, rows: Sequence[dict[str, Any]], *, by: str) -> set[int]:
    """Keeps these codes as one run of that name; which of the rows, by number, brought one that was not here.

    A row has: code (folded), max_uses, starts_at, expires_at, tier, campaign, channel, bound_key (hex), bound_domain.
    """
    digests = [codes.digest(row["code"]).hex() for row in rows]
    brought = [
        {**row, "digest": digest, "last4": row["code"][-4:], "code": None}
        for row, digest in zip(rows, digests, strict=True)
    ]
    run, _made = CodeRun.objects.get_or_create(
        launch=launch, batch_id=run_name, defaults={"asked": {"imported": True}, "by": by}
    )
    params = {"launch": launch.pk, "key_version": newest(), "run": run.pk, "by": by, "codes": json.dumps(brought)}
    made = {row.digest for row in sql.rows(hot.BRING_CODES, params)}
    if made:
        data = {"launch": launch.pk, "batch_id": run_name, "count": len(made), "imported": True}
        signals.codes_made.announce([Said(f"code_run:{run.pk}", data)], by=by)
    return {n for n, digest in enumerate(digests) if digest in made}

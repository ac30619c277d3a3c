"""How long somebody waits after a run of wrong codes. Pure: it follows from when the wrong codes came, and from nothing else.

So nothing is stored that could be lost: after a restart, and without Redis, the rows of refused codes say the same again.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

RUN = 10  # wrong codes of one browser, or of one network for one contact
CROWD = 50  # wrong codes of a network in all: an office mistypes, too
BURST, BURST_WITHIN = 200, timedelta(minutes=10)  # from everywhere: from here on strangers work for a try
WITHIN = timedelta(minutes=10)
WAITS = (timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=30))
FORGIVEN = timedelta(hours=1)  # so long after a wait the next one is short again
LOOK_BACK = timedelta(hours=3)  # what is older changes nothing: four waits and more lie in between


def wait_ends(times: Iterable[datetime], run: int = RUN) -> datetime | None:
    """When the last wait ends that these wrong codes (oldest first) brought; None when they brought none.

    A wrong code that comes while one waits neither counts nor makes it longer.
    """
    end: datetime | None = None
    step, last = 0, deque[datetime](maxlen=run)
    for at in times:
        if end is not None and at < end:
            continue
        last.append(at)
        if len(last) < run or at - last[0] > WITHIN:
            continue
        step = min(step + 1, len(WAITS) - 1) if end is not None and at - end <= FORGIVEN else 0
        end = at + WAITS[step]
        last.clear()
    return end

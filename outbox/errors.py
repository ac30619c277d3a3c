"""The one way a verb says no."""


class Refused(Exception):
    """A verb will not do what was asked. `reason` is a stable word for programs, `detail` a sentence for people."""

    def __init__(self, reason: str, detail: str = "", *, why: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.why = why or reason  # the true reason, for the trail and for callers who may know it

"""How the console writes an interval."""

from django import template

from quality.trials import Interval

register = template.Library()


@register.filter
def percent(found: Interval) -> str:
    """A share in per cent: 12.5 % (8.1–18.9)."""
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f}–{100 * found.high:.1f})"


@register.filter
def points(found: Interval) -> str:
    """A difference in percentage points: +2.0 (−1.5 to +5.4)."""
    value, low, high = (f"{100 * at:+.1f}".replace("-", "−") for at in (found.value, found.low, found.high))
    return f"{value} ({low} … {high})"

"""How the pages of campaigns and channels write numbers."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """A share in per cent, or a dash of nobody."""
    return "–" if share is None else f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"


@register.filter
def few(number: int | None) -> str:
    """A number, or that it is hidden since it would speak of few people."""
    return _("few") if number is None else number_format(number, force_grouping=True)

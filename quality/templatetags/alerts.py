"""What templates of the console may ask of alerts."""

from django import template

from quality.models import Alert

register = template.Library()


@register.simple_tag
def open_alerts() -> int:
    """How many alerts are open."""
    return Alert.objects.filter(ended_at__isnull=True).count()

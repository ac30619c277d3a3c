"""The base of API doors that speak about a launch."""

import functools

from django.core.validators import slug_re
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError

from outbox.doors import Door
from waitlist.models import Launch
from waitlist.queries import launch_named

LONGEST_SLUG = 64


class LaunchDoor(Door):
    """A door whose body or query may name a launch by its slug; without one it speaks about the default launch."""

    @functools.cached_property
    def launch(self) -> Launch:
        """The launch that is meant. An unknown slug is a fault of the field."""
        slug = self.sent.get("launch") or self.request.query_params.get("launch")
        if slug is None:
            launch = launch_named(None)
            if launch is None:
                raise NotFound
            return launch
        sound = isinstance(slug, str) and len(slug) <= LONGEST_SLUG and slug_re.fullmatch(slug)
        launch = launch_named(slug) if sound else None
        if launch is None:
            raise ValidationError({"launch": [_("There is no launch with this name. Leave it out for the first one.")]})
        return launch

"""The fields that several doors read alike: text, a contact, a launch."""

from typing import Any

from django.core.exceptions import ValidationError as Unfit
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from waitlist import queries
from waitlist.channels import Contact, read

LONGEST_SLUG = 50
LONGEST_SOURCE = 40


class Text(serializers.CharField):
    """A string and nothing else: a number or a list is an error, not something to be guessed at."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_blank": not kwargs.get("required", True), "max_length": 200} | kwargs)
        # No body is read that holds a lone surrogate (config/api.py); this would look at each letter for one, in Python.
        self.validators = [one for one in self.validators if not isinstance(one, ProhibitSurrogateCharactersValidator)]

    def run_validation(self, data: Any = empty) -> Any:
        """The text, checked. Where it may be left out, null leaves it out; and what is left out costs nothing."""
        if (data is empty or data is None) and not self.required:
            raise serializers.SkipField
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """The text without the white space around it."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class LaunchField(Text):
    """The slug of a launch, read into its Rules; absent means the default launch."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, max_length=None)  # the length is asked of the slug, not of the Rules

    def to_internal_value(self, data: Any) -> Any:
        """The rules of the launch; an error names the field when there is none."""
        slug = super().to_internal_value(data)
        rules = queries.rules_of(slug or None) if len(slug) <= LONGEST_SLUG else None
        if rules is None:
            raise serializers.ValidationError("There is no launch of that name.")
        return rules


class OfLaunch(serializers.Serializer[Any]):
    """Input that may name a launch."""

    launch = LaunchField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The default launch where none is named."""
        attrs["launch"] = attrs.get("launch") or queries.rules_of(None)
        if attrs["launch"] is None:
            raise serializers.ValidationError({"launch": ["There is no launch yet; start with `make run`."]})
        return attrs


class WithContact(OfLaunch):
    """Input with an e-mail address or a phone number, read into `contact`."""

    email = Text(required=False, max_length=320)
    phone = Text(required=False, max_length=40)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the two."""
        attrs = super().validate(attrs)
        given = [kind for kind in ("email", "phone") if attrs.get(kind)]
        if len(given) != 1:
            raise serializers.ValidationError(
                {"email": ["Give an e-mail address or a phone number, and only one of them."]}
            )
        attrs["contact"] = contact_in(given[0], attrs[given[0]])
        return attrs


def contact_in(kind: str, text: str) -> Contact:
    """The contact, or an error that names the field."""
    try:
        return read(kind, text)
    except (ValueError, Unfit) as error:
        raise serializers.ValidationError({kind: [str(error)]}) from error

"""The form of the one short question."""

from django import forms
from django.utils.translation import gettext_lazy as _

CHOOSE = _("Press one of the five numbers.")


class AnswerForm(forms.Form):
    """A number from 1 to 5, which is the button that was pressed, and perhaps a sentence."""

    comment = forms.CharField(
        label=_("In your own words"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    score = forms.IntegerField(
        min_value=1,
        max_value=5,
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), CHOOSE),
    )

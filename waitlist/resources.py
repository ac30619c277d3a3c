"""Entries as CSV: a whitelist of columns, nothing secret among them."""

from import_export import resources

from waitlist.models import Entry


class EntryResource(resources.ModelResource):
    """One line a person."""

    class Meta:
        model = Entry
        fields = (
            *("id", "contact", "name", "status", "priority", "place", "persona", "use_case", "source", "tier"),
            *("locale", "held_reason", "created_at", "confirmed_at", "invited_at", "registered_at"),
        )
        export_order = fields

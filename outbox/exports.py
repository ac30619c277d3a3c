"""Takes the rows of a list out of the console as CSV: streamed, escaped, with a permission, and on record.

The rows are read in short statements, each from where the last one stopped, and not through one long cursor: a cursor would
keep its snapshot, and with it every dead row of the database, for as long as the slowest reader takes.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from import_export.resources import ModelResource
from unfold.widgets import UnfoldBooleanSwitchWidget

from outbox.actions import begin_export, end_export
from outbox.console import ReadOnly, may
from outbox.spreadsheets import lines_of

CHUNK = 2_000  # rows read at once


class ExportForm(forms.Form):
    """Which columns, and for which program."""

    columns = forms.MultipleChoiceField(label=_("Columns"), widget=forms.CheckboxSelectMultiple)
    for_excel = forms.BooleanField(
        label=_("For Excel"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("With a byte order mark and semicolons, as Excel opens it best. Off: UTF-8 with commas."),
    )

    def __init__(self, names: Sequence[str], said: Any = None) -> None:
        super().__init__(said, initial={"columns": names})
        columns: Any = self.fields["columns"]
        columns.choices = [(name, name.replace("__", ": ").replace("_", " ")) for name in names]


class Exported(ReadOnly):
    """A list whose rows may be taken out, as it is filtered."""

    resource: ClassVar[type[ModelResource]]
    export_needs: ClassVar[str]
    export_related: ClassVar[tuple[str, ...]] = ()
    export_columns_need: ClassVar[dict[str, str]] = {}  # permissions beside, for columns that not everybody sees
    import_kind: ClassVar[str] = ""  # of waitlist/uploads.py, where such rows can be brought in too

    def export_url(self, request: HttpRequest) -> str:
        """Where the rows of this list, with its filters, are taken out; "" for who may not."""
        if not may(request.user, self.export_needs):
            return ""
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
        return f"{page}?{request.GET.urlencode()}" if request.GET else page

    def get_urls(self) -> list[URLPattern]:
        """The list's own, and the page of the export."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with the ways out and in."""
        ways = {"export_url": self.export_url(request), "import_url": self.import_url(request)}
        return super().changelist_view(request, (extra_context or {}) | ways)

    def import_url(self, request: HttpRequest) -> str:
        """Where such rows are brought in; "" where that cannot be done, or for who may not."""
        able = self.import_kind and may(request.user, f"{self.opts.app_label}.import_{self.opts.model_name}")
        return reverse("import", args=[self.import_kind]) if able else ""

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Asks which columns, then streams the rows."""
        if not may(request.user, self.export_needs):
            raise PermissionDenied
        need = self.export_columns_need
        names = [
            name for name in self.resource().get_export_order() if name not in need or may(request.user, need[name])
        ]
        form = ExportForm(names, request.POST or None)
        try:
            page = self.get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            raise BadRequest(str(error)) from error
        if form.is_valid():
            return self.streamed(request, page, form.cleaned_data["columns"], for_excel=form.cleaned_data["for_excel"])
        context = self.admin_site.each_context(request) | {
            "title": _("Take out as CSV"),
            "form": form,
            "opts": self.opts,
            "filtered": request.GET.urlencode(),
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/export.html", context)

    def streamed(
        self, request: HttpRequest, page: ChangeList, columns: Sequence[str], *, for_excel: bool
    ) -> StreamingHttpResponse:
        """The file. The trail has its beginning before the first row leaves, and its end whoever ends it."""
        subject, by = f"export:{self.opts.label_lower}", f"staff:{request.user.pk}"
        export = begin_export(subject, columns, filters_of(page, request.GET), by=by)
        found = rows_of(self.resource(), page.queryset.select_related(*self.export_related or [None]), columns)
        return on_record(subject, export, lines_of(found, for_excel=for_excel), self.opts.model_name, by=by)


def filters_of(page: ChangeList, asked: QueryDict) -> str:
    """How the list was narrowed, as the trail keeps it for ever: what somebody typed may be an address, and is left out."""
    chosen = {name for one in page.filter_specs for name in one.expected_parameters()}
    return "&".join(urlencode({name: str(value)}) if name in chosen else f"{name}=…" for name, value in asked.items())


def rows_of(resource: ModelResource, rows: QuerySet[Any], columns: Sequence[str]) -> Iterator[list[Any]]:
    """The headings, then every row by its number, so many at a time."""
    yield resource.get_export_headers(columns)
    cells, last = cells_of(resource, columns), 0
    while chunk := list(rows.order_by("pk").filter(pk__gt=last)[:CHUNK]):
        for row in chunk:
            yield [cell(row) for cell in cells]
        last = chunk[-1].pk


def cells_of(resource: ModelResource, columns: Sequence[str]) -> list[Callable[[Any], Any]]:
    """How each column is read off a row: the library looks that up anew for every row, at twice the cost."""
    fields = {resource.get_field_name(field): field for field in resource.get_export_fields(columns)}
    return [getattr(resource, f"dehydrate_{name}", field.export) for name, field in fields.items()]


def on_record(subject: str, export: str, lines: Iterator[str], name: str, *, by: str) -> StreamingHttpResponse:
    """The lines as a file, of which the first holds the headings; the trail is told how many of the others left."""
    file = StreamingHttpResponse(told(lines, subject, export, by=by), content_type="text/csv; charset=utf-8")
    file["Content-Disposition"] = f'attachment; filename="{name}-{timezone.now():%Y-%m-%d-%H%M}.csv"'
    file["Cache-Control"] = "no-store"
    file["X-Accel-Buffering"] = "no"
    return file


def told(lines: Iterator[str], subject: str, export: str, *, by: str) -> Iterator[str]:
    """The same lines, counted. The outermost of the generators, for it is this one that the server closes when a reader goes."""
    sent, whole = 0, False
    try:
        yield next(lines)
        for line in lines:
            sent += 1  # before it leaves: the last may be on its way when the reader goes
            yield line
        whole = True
    finally:
        end_export(subject, export, sent, whole=whole, by=by)

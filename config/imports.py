"""The console's pages of a file that is brought in: upload it, look at what would come of each row, let it go."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from outbox import reading
from outbox.actions import begin_export
from outbox.console import may
from outbox.errors import Refused
from outbox.exports import on_record
from outbox.reasons import ReasonForm
from outbox.spreadsheets import lines_of
from outbox.states import StaleState
from waitlist import uploads
from waitlist.actions import uploading
from waitlist.handlers import shift
from waitlist.models import Launch, Upload, UploadLine
from waitlist.shown import NEEDS
from waitlist.uploads import Kind, kinds

AT_ONCE = 1.0  # seconds that a request looks at rows itself; the rest is a worker's
SHOWN = 50  # rows on a page
BY_REQUEST = gettext_lazy(
    "The file is over %(most)d MiB, or there is none. Choose a CSV file; split it where it is larger."
)


class UploadForm(forms.Form):
    """The file, for which launch, and what is done with its rows."""

    launch = forms.ModelChoiceField(
        Launch.objects.order_by("pk"), label=gettext_lazy("Launch"), empty_label=None, widget=UnfoldAdminSelectWidget
    )
    act = forms.ChoiceField(label=gettext_lazy("What is done"), widget=UnfoldAdminSelectWidget)
    confirmed = forms.BooleanField(
        label=gettext_lazy("They confirmed their address elsewhere"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "New people then wait at once and are written nothing. Off: each is asked by mail to confirm."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
        error_messages={"required": BY_REQUEST % {"most": reading.LARGEST >> 20}},
        help_text=gettext_lazy(
            "Up to 200,000 rows and 64 MiB. Any usual encoding and delimiter; the first row names the columns."
        ),
    )

    def __init__(self, user: Any, name: str, *args: Any) -> None:
        super().__init__(*args)
        acts: Any = self.fields["act"]
        acts.choices = [(act, one.title) for act, one in kinds[name].acts.items() if may_do(user, name, act)]
        if name != "entries":
            del self.fields["confirmed"]


def may_do(user: Any, name: str, act: str) -> bool:
    """Whether they may bring such rows in and do that with them."""
    kind = kinds[name]
    return may(user, kind.needs) and all(may(user, one) for one in kind.acts[act].needs)


def import_page(request: HttpRequest, name: str) -> HttpResponse:
    """The first step: which file, and what for."""
    if name not in kinds:
        raise Http404
    if not may(request.user, kinds[name].needs):
        raise PermissionDenied
    form = UploadForm(request.user, name, *([request.POST, request.FILES] if request.method == "POST" else []))
    if form.is_valid() and (upload := brought(request, name, form)):
        begin(upload, by=f"staff:{request.user.pk}")
        return HttpResponseRedirect(reverse("import-look", args=[upload.pk]))
    tabs = [
        (other, kind.title, other == name)
        for other, kind in sorted(kinds.items(), key=by_use)
        if may(request.user, kind.needs)
    ]
    lately = Upload.objects.filter(kind=name).select_related("job").order_by("-pk")[:10]
    context = {"title": _("Bring in a CSV file"), "form": form, "tabs": tabs, "lately": lately, "step": 1}
    context["columns"] = kinds[name].columns
    return TemplateResponse(request, "admin/imports/upload.html", admin.site.each_context(request) | context)


def by_use(named: tuple[str, Kind]) -> int:
    """People first: they are brought in most."""
    return ("entries", "codes", "referrals").index(named[0])


def brought(request: HttpRequest, name: str, form: UploadForm) -> Upload | None:
    """Keeps the file; None, and a sentence in the form, for one that is no table."""
    said, file = form.cleaned_data, form.cleaned_data["file"]
    one = uploading.Brought(said["launch"], name, said["act"], file.name, file.size, said.get("confirmed", False))
    try:
        return uploading.bring(one, file.chunks(), by=f"staff:{request.user.pk}")
    except reading.Unreadable as error:
        form.add_error("file", reading.sentence(error.why, error.told))
        return None


def begin(upload: Upload, *, by: str) -> None:
    """Looks at the rows where it is plain how the file is read; most files are done before the page is shown."""
    if upload.why or uploads.lacking(kinds[upload.kind], upload.act, upload.mapping):
        return
    uploading.check(upload, by=by)
    shift(upload.pk, AT_ONCE)


def look_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The second step and the third: what would come of each row, and what came."""
    upload = get_object_or_404(Upload.objects.select_related("launch", "job"), pk=pk)
    if not may(request.user, kinds[upload.kind].needs):
        raise PermissionDenied
    if request.method == "POST":
        return acted(request, upload)
    context = about(request, upload)
    if request.headers.get("HX-Request"):
        answer = TemplateResponse(request, "admin/imports/parts/state.html", context)
        if not context["moving"]:
            answer["HX-Refresh"] = "true"  # what can be done now stands around it
        return answer
    context |= {"reading": how_read(upload, seen=may(request.user, NEEDS)), "form": ReasonForm(), "title": upload.name}
    context |= {"may_go": may_do(request.user, upload.kind, upload.act)}
    return TemplateResponse(request, "admin/imports/look.html", admin.site.each_context(request) | context)


def about(request: HttpRequest, upload: Upload) -> dict[str, Any]:
    """How far it is, how many rows come to what, and a page of them."""
    counts = dict(upload.lines.order_by().values_list("verdict").annotate(Count("pk")))
    verdicts = [(one.value, one.label, counts[one.value]) for one in UploadLine.Verdict if counts.get(one.value)]
    chosen = request.GET.get("show", "")
    chosen = chosen if chosen in counts else next((one for one in ("refused", "twice") if one in counts), "")
    chosen = chosen or (verdicts[0][0] if verdicts else "")
    lines = upload.lines.filter(verdict=chosen).order_by("line", "pk")
    page = Paginator(lines, SHOWN).get_page(request.GET.get("page"))
    seen = may(request.user, NEEDS)
    moving = upload.status == "checking" or (upload.job is not None and upload.job.status == "running")
    done, total = (upload.job.done, upload.job.total) if upload.job else (upload.looked, max(upload.rows, 1))
    return {
        "upload": upload,
        "kind": kinds[upload.kind],
        "act": kinds[upload.kind].acts[upload.act],
        "job": upload.job,
        "verdicts": verdicts,
        "chosen": chosen,
        "page": page,
        "rows": [(line, *row_shown(upload, line, seen=seen)) for line in page],
        "acting": counts.get("new", 0) + counts.get("changed", 0),
        "moving": moving,
        "percent": min(100, 100 * done // total),
        "wrong": reading.sentence(upload.why, upload.told),
        "step": 3 if upload.job else 2,
        "mendable": counts.get("refused", 0) + counts.get("twice", 0) if seen else 0,
    }


def row_shown(upload: Upload, line: UploadLine, *, seen: bool) -> tuple[str, str]:
    """(Whom or what a row is about, why it is as it is), as this reader may see it."""
    cells, said = uploads.said_in(line)
    named = kinds[upload.kind].shown(said) if said else ""
    if not seen and ("@" in named or "+" in named):
        named = "…"
    if not named and seen and upload.kind != "codes":
        named = " · ".join(cell for cell in cells if cell)[:80]
    return named, reading.sentence(line.why, line.told)


def how_read(upload: Upload, *, seen: bool) -> dict[str, Any]:
    """How the file was read, the first of its rows, and what can be chosen instead."""
    kind = kinds[upload.kind]
    try:
        rows, wrong = uploads.first_rows(upload), ""
    except reading.Unreadable as error:
        rows, wrong = [], reading.sentence(error.why, error.told)
    heads = rows[0] if rows else []
    names = [_("Column %(n)d: %(head)s") % {"n": n + 1, "head": head[:40]} for n, head in enumerate(heads)]
    columns = [column for column in kind.columns if column.name in kind.acts[upload.act].columns]
    missing = uploads.lacking(kind, upload.act, upload.mapping)
    secret = upload.mapping.get("code") if upload.kind == "codes" else None
    return {
        "wrong": wrong,
        "rows": [
            [first_seen(cell, seen=seen, secret=n == secret and at > 0) for n, cell in enumerate(row)]
            for at, row in enumerate(rows)
        ],
        "encodings": reading.ENCODINGS.items(),
        "delimiters": [(mark, _(name)) for mark, name in reading.DELIMITERS.items()],
        "names": names,
        "columns": [(column, upload.mapping.get(column.name, -1)) for column in columns],
        "missing": [column.title for column in kind.columns if column.name in missing],
        "encoding": reading.ENCODINGS[upload.encoding],
        "delimiter": _(reading.DELIMITERS[upload.delimiter]),
    }


def first_seen(cell: str, *, seen: bool, secret: bool) -> str:
    """A cell at the top of the file, as far as this reader may see it: of a code the last four, of an address nothing."""
    if secret:
        return f"…{cell[-4:]}"
    personal = "@" in cell or sum(map(str.isdigit, cell)) > 6
    return "…" if personal and not seen else cell[:60]


def acted(request: HttpRequest, upload: Upload) -> HttpResponseBase:
    """One of the buttons of the page."""
    by, page = f"staff:{request.user.pk}", HttpResponseRedirect(reverse("import-look", args=[upload.pk]))
    button = request.POST.get("button", "")
    if button == "mend":
        if not may(request.user, NEEDS):  # the rows leave as they came, with every address
            raise PermissionDenied
        return to_mend(upload, by=by)
    if not may_do(request.user, upload.kind, upload.act):
        raise PermissionDenied
    try:
        if button == "forget":
            uploading.forget([upload.pk], by=by)
            messages.success(request, _("The file is gone. What it had changed stays changed."))
            return HttpResponseRedirect(reverse("import", args=[upload.kind]))
        if button == "read":
            read_anew(request.POST, upload, by=by)
        elif button == "go":
            go(request, upload, by=by)
    except StaleState:
        messages.warning(request, _("Somebody was faster; this is how it stands now."))
    except Refused as refused:
        messages.error(request, refused.detail or str(refused))
    return page


def read_anew(said: Any, upload: Upload, *, by: str) -> None:
    """Reads the file as a person says, and looks at its rows again."""
    encoding, delimiter = said.get("encoding"), said.get("delimiter")
    read: dict[str, Any] = {
        "encoding": encoding if encoding in reading.ENCODINGS else upload.encoding,
        "delimiter": delimiter if delimiter in reading.DELIMITERS else upload.delimiter,
    }
    other = any(getattr(upload, name) != value for name, value in read.items())
    if not other:
        read |= {"headings": "headings" in said, "mapping": mapping_in(said, upload)}
    upload = uploading.read_anew(upload, read, by=by)
    if other:
        upload = uploading.guess_columns(upload)
    begin(upload, by=by)


def mapping_in(said: Mapping[str, str], upload: Upload) -> dict[str, int]:
    """Which column of the file is which of ours, as somebody chose."""
    chosen = {column.name: said.get(f"map_{column.name}", "") for column in kinds[upload.kind].columns}
    return {
        name: int(at)
        for name, at in chosen.items()
        if at.isdecimal() and len(at) < 4 and int(at) < reading.MOST_COLUMNS
    }


def go(request: HttpRequest, upload: Upload, *, by: str) -> None:
    """Lets the file act, for a reason."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: the reason stands in the trail."))
        return
    back = reverse("import-look", args=[upload.pk])
    uploading.start(upload, form.cleaned_data["reason"], by=by, back=back)


def to_mend(upload: Upload, *, by: str) -> StreamingHttpResponse:
    """The rows that nothing comes of, as they came, with the reason beside them: to be mended and brought again."""
    subject = f"upload:{upload.pk}"
    export = begin_export(subject, ["all"], "show=refused,twice", by=by)
    return on_record(subject, export, lines_of(mended(upload)), f"to-mend-{upload.pk}", by=by)


def mended(upload: Upload) -> Iterator[list[str]]:
    """The headings, then the rows."""
    first = uploads.first_rows(upload)[0]
    heads = first if upload.headings else [""] * len(first)
    yield [*heads, _("line"), _("reason")]
    lines = upload.lines.filter(verdict__in=["refused", "twice"]).order_by("line", "pk")
    for line in lines.iterator(chunk_size=uploads.CHUNK):
        yield [*uploads.said_in(line)[0], str(line.line), reading.sentence(line.why, line.told)]

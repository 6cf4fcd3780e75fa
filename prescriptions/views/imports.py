import hashlib
import io
import json
from collections.abc import Iterator
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from foundation.actors import AuthenticatedRequest
from prescriptions import dates
from prescriptions.models import ImportedRecord
from prescriptions.records.bundles import contents, verify

PAGE_SIZE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: AuthenticatedRequest) -> HttpResponse:
    """List imported records; a search is posted, so that no URL names a patient."""
    query = request.POST.get("q", "").strip()[:100]
    records = _matching(
        ImportedRecord.objects.visible_to(request.user).select_related("bundle"), query
    ).defer("payload", "jws", "xml", "events")
    number = 1 if query else request.GET.get("page")
    page = Paginator(records, PAGE_SIZE).get_page(number)
    return render(
        request, "prescriptions/imported/list.html", {"page": page, "query": query}
    )


@require_safe
def detail(request: AuthenticatedRequest, prescription_id: UUID) -> HttpResponse:
    record = get_object_or_404(
        ImportedRecord.objects.visible_to(request.user).select_related("bundle"),
        prescription_id=prescription_id,
    )
    is_intact = _is_intact(record)
    return render(
        request,
        "prescriptions/imported/detail.html",
        {
            "record": record,
            "is_intact": is_intact,
            "fields": _fields(record) if is_intact else [],
            "events": [json.loads(line) for line in io.StringIO(record.events)],
        },
    )


def _matching(
    records: QuerySet[ImportedRecord], query: str
) -> QuerySet[ImportedRecord]:
    """Return the records that match every word; a date is of birth or of issue."""
    for word in query.split():
        day = dates.parse(word)
        named = (
            Q(patient_name__icontains=word)
            | Q(drug__icontains=word)
            | Q(prescriber__icontains=word)
            | Q(dea_number__iexact=word)
        )
        dated = Q(date_of_birth=day) | Q(issued_on=day)
        records = records.filter(dated if day else named)
    return records


def _fields(record: ImportedRecord) -> Iterator[tuple[str, str]]:
    """Return the columns of a bundle's table and their values in this record."""
    entry = contents.imported_entry(record)
    return zip(contents.CSV, contents.csv_line(entry), strict=True)


def _is_intact(record: ImportedRecord) -> bool:
    """Return True if its signature verifies over what is archived here."""
    payload = record.payload.encode()
    try:
        signed = verify.parts(record.jws)[1]
        is_signed = verify.is_signed(record.jws, record.key)
    except verify.UNREADABLE:
        return False
    return (
        is_signed
        and signed == payload
        and hashlib.sha256(payload).hexdigest() == record.payload_digest
    )

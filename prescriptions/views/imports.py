import hashlib
import io
import json
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q
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
    """List imported records; a search is posted, so that no address names a patient."""
    query = request.POST.get("q", "").strip()[:100]
    records = ImportedRecord.objects.visible_to(request.user).select_related("bundle")
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
    shown = records.defer("payload", "jws", "xml", "events")
    page = Paginator(shown, PAGE_SIZE).get_page(1 if query else request.GET.get("page"))
    return render(
        request, "prescriptions/imported/list.html", {"page": page, "query": query}
    )


@require_safe
def detail(request: AuthenticatedRequest, prescription_id: UUID) -> HttpResponse:
    record = get_object_or_404(
        ImportedRecord.objects.visible_to(request.user).select_related("bundle"),
        prescription_id=prescription_id,
    )
    entry = contents.Entry(
        prescription=str(record.prescription_id),
        payload=record.payload.encode(),
        jws=record.jws,
        key=record.key,
        xml=None,
        events=b"",
    )
    is_intact = _is_intact(record)
    return render(
        request,
        "prescriptions/imported/detail.html",
        {
            "record": record,
            "is_intact": is_intact,
            "fields": zip(contents.CSV, contents.csv_line(entry), strict=True)
            if is_intact
            else [],
            "events": [json.loads(line) for line in io.StringIO(record.events)],
        },
    )


def _is_intact(record: ImportedRecord) -> bool:
    """Say whether its signature verifies still, over what is archived here."""
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

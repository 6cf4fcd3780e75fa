from django.contrib import admin

from audit.admin import AuditedAdmin, ReadOnlyAdmin
from prescriptions.drugs import admin as drug_admin  # noqa: F401
from prescriptions.drugs.ndc import admin as ndc_admin  # noqa: F401
from prescriptions.models import (
    Cancellation,
    Patient,
    Pharmacy,
    PharmacyRequest,
    Prescription,
    PrescriptionLog,
    Printout,
    ReceivedMessage,
    Repudiation,
    SignedRecord,
    SigningKey,
    StateRule,
    Transmission,
)

# Rows that the name of a prescription is made of.
PRESCRIPTION_NAME = ["prescription__drug", "prescription__patient"]


@admin.register(Pharmacy)
class PharmacyAdmin(AuditedAdmin):
    list_display = ["name", "city", "state", "ncpdp_id", "accepts_epcs"]
    list_filter = ["accepts_epcs", "state"]
    search_fields = ["name", "ncpdp_id"]


@admin.register(Patient)
class PatientAdmin(ReadOnlyAdmin):
    """No search by name: the admin would put patient names into addresses (URLs)."""

    list_display = ["last_name", "first_name", "date_of_birth", "practice"]
    list_filter = ["practice"]


@admin.register(Prescription)
class PrescriptionAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "drug", "prescriber", "status", "signed_at"]
    list_filter = ["status", "schedule", "practice"]
    list_select_related = ["drug", "prescriber"]
    search_fields = ["public_id", "prescriber__last_name"]


@admin.register(SignedRecord)
class SignedRecordAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "signer", "device_nickname", "signed_at", "key"]
    list_select_related = ["signer", "key"]
    search_fields = ["public_id", "prescription__public_id"]


@admin.register(Transmission)
class TransmissionAdmin(ReadOnlyAdmin):
    list_display = ["message_id", "state", "attempts", "next_attempt_at", "answer"]
    list_filter = ["state"]
    search_fields = ["message_id"]


@admin.register(Printout)
class PrintoutAdmin(ReadOnlyAdmin):
    list_display = ["printed_at", "kind", "number", "prescription", "printed_by"]
    list_filter = ["kind"]
    list_select_related = [*PRESCRIPTION_NAME, "printed_by"]
    search_fields = ["prescription__public_id"]


@admin.register(Cancellation)
class CancellationAdmin(ReadOnlyAdmin):
    list_display = ["cancelled_at", "prescription", "cancelled_by", "is_approved"]
    list_filter = ["is_approved"]
    list_select_related = [*PRESCRIPTION_NAME, "cancelled_by"]
    search_fields = ["prescription__public_id"]


@admin.register(ReceivedMessage)
class ReceivedMessageAdmin(ReadOnlyAdmin):
    """Messages from pharmacies and the answers to them, byte for byte."""

    list_display = ["received_at", "kind", "sender", "message_id"]
    list_filter = ["kind"]
    search_fields = ["message_id", "sender"]
    fields = [
        "received_at",
        "kind",
        "sender",
        "message_id",
        "digest",
        "message",
        "reply",
    ]

    @admin.display(description="Message")
    def message(self, received: ReceivedMessage) -> str:
        return bytes(received.content).decode(errors="replace")

    @admin.display(description="Answer")
    def reply(self, received: ReceivedMessage) -> str:
        return bytes(received.answer).decode(errors="replace")


@admin.register(PharmacyRequest)
class PharmacyRequestAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "kind", "prescription", "state", "decided_by"]
    list_filter = ["state", "kind"]
    list_select_related = [*PRESCRIPTION_NAME, "decided_by"]
    search_fields = ["prescription__public_id"]


@admin.register(PrescriptionLog)
class PrescriptionLogAdmin(ReadOnlyAdmin):
    list_display = ["provider", "practice", "kind", "first_day", "last_day", "due_on"]
    list_filter = ["kind", "practice"]
    list_select_related = ["provider__user", "practice"]


@admin.register(Repudiation)
class RepudiationAdmin(ReadOnlyAdmin):
    list_display = ["reported_at", "kind", "prescription", "reported_by", "due_at"]
    list_filter = ["kind"]
    list_select_related = [*PRESCRIPTION_NAME, "reported_by"]
    search_fields = ["prescription__public_id"]


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    list_display = ["kid", "activated_at", "retired_at"]


@admin.register(StateRule)
class StateRuleAdmin(AuditedAdmin):
    """State rules; those switched off are examples, and none is on by default."""

    list_display = ["__str__", "source", "checked_on", "is_active"]
    list_filter = ["is_active", "schedule", "state"]
    search_fields = ["state", "source"]

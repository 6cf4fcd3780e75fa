from django.contrib import admin

from audit.admin import Recorded, Window
from prescriptions import drug_admin  # noqa: F401
from prescriptions.models import (
    Patient,
    Pharmacy,
    Prescription,
    SignedRecord,
    SigningKey,
    StateRule,
    Transmission,
)


@admin.register(Pharmacy)
class PharmacyAdmin(Recorded):
    list_display = ["name", "city", "state", "ncpdp_id", "accepts_epcs"]
    list_filter = ["accepts_epcs", "state"]
    search_fields = ["name", "ncpdp_id"]


@admin.register(Patient)
class PatientAdmin(Window):
    list_display = ["last_name", "first_name", "date_of_birth", "practice"]
    list_filter = ["practice"]
    search_fields = ["last_name", "first_name"]


@admin.register(Prescription)
class PrescriptionAdmin(Window):
    list_display = ["public_id", "drug", "prescriber", "status", "signed_at"]
    list_filter = ["status", "schedule", "practice"]
    list_select_related = ["drug", "prescriber"]
    search_fields = ["public_id", "prescriber__last_name"]


@admin.register(SignedRecord)
class SignedRecordAdmin(Window):
    list_display = ["public_id", "signer", "device_nickname", "signed_at", "key"]
    list_select_related = ["signer", "key"]
    search_fields = ["public_id", "prescription__public_id"]


@admin.register(Transmission)
class TransmissionAdmin(Window):
    list_display = ["message_id", "state", "attempts", "next_attempt_at", "answer"]
    list_filter = ["state"]
    search_fields = ["message_id"]


@admin.register(SigningKey)
class SigningKeyAdmin(Window):
    list_display = ["kid", "activated_at", "retired_at"]


@admin.register(StateRule)
class StateRuleAdmin(Recorded):
    """Switches: what is off is an example, and no law is switched on by itself."""

    list_display = ["__str__", "source", "checked_on", "is_active"]
    list_filter = ["is_active", "schedule", "state"]
    search_fields = ["state", "source"]

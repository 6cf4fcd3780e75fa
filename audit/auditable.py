"""The list of auditable events that 21 CFR 1311.150(a) asks for, and nothing else.

Every act is in exactly one of the three lists.
"""

from audit.acts import Act, Outcome, Paragraph
from audit.models import Event
from audit.models.incidents import PARAGRAPHS

# Auditable however it ended.
ALWAYS: dict[Act, Paragraph] = {
    # Unauthorized access, attempted or successful.
    Act.ACCESS_REFUSED: Paragraph.ACCESS,
    Act.ADMIN_SIGN_IN_FAILED: Paragraph.ACCESS,
    Act.CHALLENGE_REFUSED: Paragraph.ACCESS,
    Act.DEVICE_DISABLED: Paragraph.ACCESS,
    Act.DEVICE_ENROLMENT_REFUSED: Paragraph.ACCESS,
    Act.IDME_LINK_REFUSED: Paragraph.ACCESS,
    Act.IDME_NAME_DIFFERS: Paragraph.ACCESS,
    Act.IDME_SIGN_IN_FAILED: Paragraph.ACCESS,
    Act.MESSAGE_REFUSED: Paragraph.ACCESS,
    Act.PERMISSION_DENIED: Paragraph.ACCESS,
    Act.SIGN_IN_FAILED: Paragraph.ACCESS,
    Act.SIGN_IN_LOCKED: Paragraph.ACCESS,
    Act.SIGNING_REFUSED: Paragraph.ACCESS,
    # Required records changed or destroyed; the kind of an incident says more.
    Act.INCIDENT_OPENED: Paragraph.RECORDS,
    Act.MESSAGE_KEPT_BACK: Paragraph.RECORDS,
    Act.PRESCRIPTION_CHANGED_IN_TRANSIT: Paragraph.RECORDS,
    # The portal kept from its work.
    Act.FEED_FAILED: Paragraph.OPERATION,
    Act.SERVICE_INTERRUPTED: Paragraph.OPERATION,
    Act.SIGNING_BLOCKED: Paragraph.OPERATION,
    Act.SIGNING_DEACTIVATED: Paragraph.OPERATION,
    Act.SIGNING_MODULE_FOUND: Paragraph.OPERATION,
    # Who may do what, and the facts that it rests on.
    Act.ACCESS_DECLINED: Paragraph.CONTROLS,
    Act.ACCESS_ENTERED: Paragraph.CONTROLS,
    Act.ACCESS_EXECUTED: Paragraph.CONTROLS,
    Act.ACCESS_GRANTED: Paragraph.CONTROLS,
    Act.ACCESS_RESTORED: Paragraph.CONTROLS,
    Act.ACCESS_REVOKED: Paragraph.CONTROLS,
    Act.ACCESS_SUSPENDED: Paragraph.CONTROLS,
    Act.ACCESS_WITHDRAWN: Paragraph.CONTROLS,
    Act.CREDENTIALING_APPROVED: Paragraph.CONTROLS,
    Act.CREDENTIALING_ENDED: Paragraph.CONTROLS,
    Act.CREDENTIALING_ENTERED: Paragraph.CONTROLS,
    Act.CREDENTIALING_OFFICER_ENDED: Paragraph.CONTROLS,
    Act.CREDENTIALING_OFFICER_NAMED: Paragraph.CONTROLS,
    Act.DEA_REGISTRATION_ADDED: Paragraph.CONTROLS,
    Act.DESIGNEE_ENDED: Paragraph.CONTROLS,
    Act.DESIGNEE_NAMED: Paragraph.CONTROLS,
    Act.MEMBERSHIP_ADDED: Paragraph.CONTROLS,
    Act.PROVIDER_ADDED: Paragraph.CONTROLS,
    Act.SIGNING_ACTIVATED: Paragraph.CONTROLS,
    Act.SIGNING_RESTORED: Paragraph.CONTROLS,
    Act.SIGNING_RESTORE_ENTERED: Paragraph.CONTROLS,
    Act.SIGNING_STOPPED: Paragraph.CONTROLS,
    Act.STATE_LICENSE_ADDED: Paragraph.CONTROLS,
    Act.USER_ADDED: Paragraph.CONTROLS,
    Act.USER_CHANGED: Paragraph.CONTROLS,
    # The record and its analysis kept from their work.
    Act.AUDIT_REPORT_MISSED: Paragraph.AUDIT,
    # What staff of the host do.
    Act.ADMIN_CHANGED: Paragraph.STAFF,
    Act.ADMIN_SIGNED_IN: Paragraph.STAFF,
    Act.CERTIFICATION_CONFIRMED: Paragraph.STAFF,
    Act.CERTIFICATION_ENTERED: Paragraph.STAFF,
    Act.CERTIFICATION_TOLD: Paragraph.STAFF,
    Act.DRUG_DATA_IMPORTED: Paragraph.STAFF,
    Act.DRUG_REVIEW_DECIDED: Paragraph.STAFF,
    Act.KEY_CREATED: Paragraph.STAFF,
    Act.KEY_RETIRED: Paragraph.STAFF,
    Act.KEY_ROTATED: Paragraph.STAFF,
    Act.RECORDS_IMPORTED: Paragraph.STAFF,
}

# Auditable only when it did not go well.
FAILED: dict[Act, Paragraph] = {
    Act.AUDIT_CHECKPOINTED: Paragraph.AUDIT,
    Act.AUDIT_VERIFIED: Paragraph.AUDIT,
    Act.CLOCK_CHANGED: Paragraph.OPERATION,
}

# The ordinary work; it is in the record all the same (21 CFR 1311.120(b)(23)).
NOT_AUDITABLE = frozenset(
    {
        Act.AUDIT_REPORTED,
        Act.CHALLENGE_CANCELLED,
        Act.CHALLENGE_PASSED,
        Act.CHALLENGE_STARTED,
        Act.DEVICE_ADDED,
        Act.DEVICE_ENROLMENT_STARTED,
        Act.DEVICE_PRIMARY_SELECTED,
        Act.DEVICE_RENAMED,
        Act.DEVICE_RETIRED,
        Act.DRUG_REVIEW_OPENED,
        Act.EXPORT_DOWNLOADED,
        Act.EXPORT_FAILED,
        Act.EXPORT_MADE,
        Act.EXPORT_REMOVED,
        Act.EXPORT_REQUESTED,
        Act.FEED_APPLIED,
        Act.IDME_LINKED,
        Act.IDME_SIGNED_IN,
        Act.IDME_UNLINKED,
        Act.INCIDENT_DECIDED,
        Act.INCIDENT_OVERDUE,
        Act.INCIDENT_REPORTED,
        Act.LOG_ARCHIVED,
        Act.LOG_CONFIRMED,
        Act.LOG_DELIVERED,
        Act.LOG_OVERDUE,
        Act.MESSAGE_FAILED,
        Act.MESSAGE_RECEIVED,
        Act.MESSAGE_SENT,
        Act.PASSWORD_CHANGED,
        Act.PATIENT_ADDED,
        Act.PATIENT_CHANGED,
        Act.PATIENT_LIST_PRINTED,
        Act.PHARMACY_REQUEST_ANSWERED,
        Act.PHARMACY_REQUEST_DENIED,
        Act.PHARMACY_REQUEST_RECEIVED,
        Act.PHARMACY_REQUEST_REOPENED,
        Act.PHARMACY_REQUEST_TAKEN_UP,
        Act.PRESCRIPTION_ACCEPTED_LATE,
        Act.PRESCRIPTION_ALTERED,
        Act.PRESCRIPTION_CANCELLATION_ANSWERED,
        Act.PRESCRIPTION_CANCELLED,
        Act.PRESCRIPTION_COPY_PRINTED,
        Act.PRESCRIPTION_CREATED,
        Act.PRESCRIPTION_DELIVERED,
        Act.PRESCRIPTION_DISCARDED,
        Act.PRESCRIPTION_FAILED,
        Act.PRESCRIPTION_PRINTED,
        Act.PRESCRIPTION_QUEUED,
        Act.PRESCRIPTION_READY,
        Act.PRESCRIPTION_REPUDIATED,  # it opens an incident, which is auditable
        Act.PRESCRIPTION_SIGNED,
        Act.PRESCRIPTION_TRANSMITTED,
        Act.PRESCRIPTION_UNREADY,
        Act.SIGN_IN_SUCCEEDED,
        Act.SIGN_OUT_DONE,
        Act.TRANSMISSION_FAILED,
        Act.TRANSMISSION_RETRIED,
    }
)

ACTS = [*ALWAYS, *FAILED]  # an event with another act needs no look at all


def paragraph_of(event: Event) -> Paragraph | None:
    """Return the paragraph under which an event is auditable, if it is."""
    if event.act == Act.INCIDENT_OPENED:
        return PARAGRAPHS.get(event.detail.get("kind"), Paragraph.RECORDS)
    if event.act in ALWAYS:
        return ALWAYS[Act(event.act)]
    if event.outcome == Outcome.FAILURE and event.act in FAILED:
        return FAILED[Act(event.act)]
    return None

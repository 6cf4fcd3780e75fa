"""What the record can say: the acts, how they end, what may be told about them."""

from django.db import models


class Act(models.TextChoices):
    """Everything the record can say happened, each explained in docs/audit.md."""

    ACCESS_DECLINED = "access.declined", "Change of access declined"
    ACCESS_ENTERED = "access.entered", "Change of access entered"
    ACCESS_EXECUTED = "access.executed", "Change of access executed"
    ACCESS_GRANTED = "access.granted", "Right to sign granted"
    ACCESS_REFUSED = "access.refused", "Change of access refused"
    ACCESS_RESTORED = "access.restored", "Right to sign granted anew"
    ACCESS_REVOKED = "access.revoked", "Right to sign revoked"
    ACCESS_SUSPENDED = "access.suspended", "Right to sign suspended"
    ACCESS_WITHDRAWN = "access.withdrawn", "Change of access withdrawn"

    ADMIN_CHANGED = "admin.changed", "Changed in the admin"
    ADMIN_SIGNED_IN = "admin.signed_in", "Signed in to the admin"
    ADMIN_SIGN_IN_FAILED = "admin.sign_in_failed", "Sign-in to the admin failed"

    AUDIT_CHECKPOINTED = "audit.checkpointed", "Checkpoint of the record made"
    AUDIT_REPORTED = "audit.reported", "Daily report made"
    AUDIT_REPORT_MISSED = "audit.report_missed", "Daily report not made in time"
    AUDIT_VERIFIED = "audit.verified", "Record verified"

    CERTIFICATION_CONFIRMED = "certification.confirmed", "Third-party audit confirmed"
    CERTIFICATION_ENTERED = "certification.entered", "Third-party audit entered"
    CERTIFICATION_TOLD = "certification.told", "Adverse audit report passed on"

    CHALLENGE_CANCELLED = "challenge.cancelled", "Push cancelled"
    CHALLENGE_PASSED = "challenge.passed", "Both factors accepted"
    CHALLENGE_REFUSED = "challenge.refused", "Challenge refused"
    CHALLENGE_STARTED = "challenge.started", "Push sent"

    CLOCK_CHANGED = "clock.changed", "Clock compared with NIST time, another result"

    CREDENTIALING_APPROVED = "credentialing.approved", "Listed practitioner approved"
    CREDENTIALING_ENDED = "credentialing.ended", "Taken off an institution's list"
    CREDENTIALING_ENTERED = "credentialing.entered", "Put on an institution's list"
    CREDENTIALING_OFFICER_ENDED = "credentialing.officer_ended", "Proofing office left"
    CREDENTIALING_OFFICER_NAMED = (
        "credentialing.officer_named",
        "Named to the proofing office",
    )

    DEA_REGISTRATION_ADDED = "dea_registration.added", "DEA registration added"

    DESIGNEE_ENDED = "designee.ended", "Designation ended"
    DESIGNEE_NAMED = "designee.named", "Designee named"

    DEVICE_ADDED = "device.added", "Device added"
    DEVICE_DISABLED = "device.disabled", "Device disabled after too many failures"
    DEVICE_ENROLMENT_REFUSED = "device.enrolment_refused", "Device set-up refused"
    DEVICE_ENROLMENT_STARTED = "device.enrolment_started", "Device set-up started"
    DEVICE_PRIMARY_SELECTED = "device.primary_selected", "Primary device selected"
    DEVICE_RENAMED = "device.renamed", "Device renamed"
    DEVICE_RETIRED = "device.retired", "Device retired"

    DRUG_DATA_IMPORTED = "drug_data.imported", "Drug data imported"
    DRUG_REVIEW_DECIDED = "drug_review.decided", "Schedule of a drug decided"
    DRUG_REVIEW_OPENED = "drug_review.opened", "Schedule of a drug to be reviewed"

    EXPORT_DOWNLOADED = "export.downloaded", "Export downloaded"
    EXPORT_FAILED = "export.failed", "Export could not be made"
    EXPORT_MADE = "export.made", "Export made"
    EXPORT_REMOVED = "export.removed", "Export removed from the server"
    EXPORT_REQUESTED = "export.requested", "Export asked for"

    FEED_APPLIED = "feed.applied", "Device list taken over from ID.me"
    FEED_FAILED = "feed.failed", "Device list could not be taken over from ID.me"

    IDME_LINKED = "idme.linked", "ID.me account linked"
    IDME_LINK_REFUSED = "idme.link_refused", "Linking of an ID.me account refused"
    IDME_NAME_DIFFERS = "idme.name_differs", "Name at ID.me is not the registered one"
    IDME_SIGNED_IN = "idme.signed_in", "Authenticated at ID.me"
    IDME_SIGN_IN_FAILED = "idme.sign_in_failed", "Authentication at ID.me failed"
    IDME_UNLINKED = "idme.unlinked", "ID.me account unlinked"

    INCIDENT_DECIDED = "incident.decided", "Incident decided"
    INCIDENT_OPENED = "incident.opened", "Incident opened"
    INCIDENT_OVERDUE = "incident.overdue", "Incident overdue"
    INCIDENT_REPORTED = "incident.reported", "Incident reported to somebody"

    KEY_CREATED = "key.created", "Key created"
    KEY_RETIRED = "key.retired", "Key retired"
    KEY_ROTATED = "key.rotated", "Key rotated"

    LOG_ARCHIVED = "log.archived", "Prescription log archived"
    LOG_CONFIRMED = "log.confirmed", "Prescription log looked through"
    LOG_DELIVERED = "log.delivered", "Prescription log delivered"
    LOG_OVERDUE = "log.overdue", "Monthly log not delivered in time"

    MEMBERSHIP_ADDED = "membership.added", "Membership of a practice added"

    MESSAGE_FAILED = "message.failed", "Message not taken by the pharmacy"
    MESSAGE_KEPT_BACK = (
        "message.kept_back",
        "Message kept back, it is not what was signed",
    )
    MESSAGE_RECEIVED = "message.received", "Message of a pharmacy received"
    MESSAGE_REFUSED = "message.refused", "Message of a pharmacy refused"
    MESSAGE_SENT = "message.sent", "Message taken by the pharmacy"

    PASSWORD_CHANGED = "password.changed", "Password changed"

    PATIENT_ADDED = "patient.added", "Patient added"
    PATIENT_CHANGED = "patient.changed", "Patient changed"
    PATIENT_LIST_PRINTED = "patient.list_printed", "Medication list printed"

    PERMISSION_DENIED = "permission.denied", "Refused for want of permission"

    PHARMACY_REQUEST_ANSWERED = (
        "pharmacy_request.answered",
        "Request of a pharmacy answered",
    )
    PHARMACY_REQUEST_DENIED = "pharmacy_request.denied", "Request of a pharmacy denied"
    PHARMACY_REQUEST_RECEIVED = (
        "pharmacy_request.received",
        "Request of a pharmacy received",
    )
    PHARMACY_REQUEST_REOPENED = (
        "pharmacy_request.reopened",
        "Request of a pharmacy waits again",
    )
    PHARMACY_REQUEST_TAKEN_UP = (
        "pharmacy_request.taken_up",
        "Prescription begun on request of a pharmacy",
    )

    PRESCRIPTION_ACCEPTED_LATE = (
        "prescription.accepted_late",
        "Pharmacy accepted what was given up",
    )
    PRESCRIPTION_ALTERED = "prescription.altered", "Prescription altered"
    PRESCRIPTION_CANCELLATION_ANSWERED = (
        "prescription.cancellation_answered",
        "Cancellation answered by the pharmacy",
    )
    PRESCRIPTION_CANCELLED = "prescription.cancelled", "Prescription cancelled"
    PRESCRIPTION_CHANGED_IN_TRANSIT = (
        "prescription.changed_in_transit",
        "Prescription changed on its way",
    )
    PRESCRIPTION_COPY_PRINTED = (
        "prescription.copy_printed",
        "Copy of a prescription printed",
    )
    PRESCRIPTION_CREATED = "prescription.created", "Prescription created"
    PRESCRIPTION_DELIVERED = "prescription.delivered", "Prescription delivered"
    PRESCRIPTION_DISCARDED = "prescription.discarded", "Prescription discarded"
    PRESCRIPTION_FAILED = "prescription.failed", "Prescription not delivered"
    PRESCRIPTION_PRINTED = (
        "prescription.printed",
        "Prescription printed to be signed by hand",
    )
    PRESCRIPTION_QUEUED = "prescription.queued", "Prescription queued"
    PRESCRIPTION_READY = "prescription.ready", "Prescription marked ready to sign"
    PRESCRIPTION_REPUDIATED = "prescription.repudiated", "Reported as not signed"
    PRESCRIPTION_SIGNED = "prescription.signed", "Prescription signed"
    PRESCRIPTION_TRANSMITTED = "prescription.transmitted", "Prescription transmitted"
    PRESCRIPTION_UNREADY = "prescription.unready", "Ready to sign withdrawn"

    PROVIDER_ADDED = "provider.added", "Provider added"

    RECORDS_IMPORTED = "records.imported", "Records of another installation imported"

    SERVICE_INTERRUPTED = "service.interrupted", "The worker did not run"

    SIGN_IN_FAILED = "sign_in.failed", "Sign-in failed"
    SIGN_IN_LOCKED = "sign_in.locked", "Sign-in locked for a while"
    SIGN_IN_SUCCEEDED = "sign_in.succeeded", "Signed in"
    SIGN_OUT_DONE = "sign_out.done", "Signed out"

    SIGNING_ACTIVATED = "signing.activated", "Signing key may be unlocked again"
    SIGNING_BLOCKED = "signing.blocked", "Signing blocked, something is out of order"
    SIGNING_DEACTIVATED = "signing.deactivated", "Signing key locked away"
    SIGNING_MODULE_FOUND = "signing.module_found", "Another signing module found"
    SIGNING_REFUSED = "signing.refused", "Signing refused"
    SIGNING_RESTORED = "signing.restored", "Signing goes on after a stop"
    SIGNING_RESTORE_ENTERED = "signing.restore_entered", "Restart of signing entered"
    SIGNING_STOPPED = "signing.stopped", "Signing stopped"

    STATE_LICENSE_ADDED = "state_license.added", "State license added"

    TRANSMISSION_FAILED = "transmission.failed", "Attempt to transmit failed"
    TRANSMISSION_RETRIED = "transmission.retried", "Transmission tried again"

    USER_ADDED = "user.added", "Account added"
    USER_CHANGED = "user.changed", "Account changed"


class Outcome(models.TextChoices):
    SUCCESS = "success", "Success"
    FAILURE = "failure", "Failure"


class Paragraph(models.TextChoices):
    """What 21 CFR 1311.150(a) calls auditable, each by its paragraph."""

    ACCESS = "(a)(1)", "Attempted unauthorized access"
    RECORDS = "(a)(2)", "Attempted change or destruction of records"
    OPERATION = "(a)(3)", "Interference with the work of the portal"
    CONTROLS = "(a)(4)", "Access controls set or changed"
    AUDIT = "(a)(5)", "Interference with audit functions"
    STAFF = "(a)(6)", "Done by staff of the host"


# Nothing here may hold a patient, a code, a password, a seed, a token or a key.
DETAIL_KEYS = frozenset(
    {
        "added",
        "algorithm",
        "attempts",
        "blockers",
        "certificate",
        "challenge",
        "changed",
        "channel",
        "code",  # of a pharmacy's answer, never of a device
        "day",
        "device",
        "digest",
        "events",
        "failures",
        "fields",
        "fips",
        "ial",
        "aal",
        "key_id",
        "incident",
        "kind",
        "locked_until",
        "message_id",
        "model",
        "nickname",
        "own",
        "offset_ms",
        "period",
        "practice",
        "prescriptions",
        "problem",
        "provisional",
        "purpose",
        "reason",
        "request",
        "removed",
        "role",
        "schedule",
        "since",
        "source",
        "status",
        "streams",
        "version",
    }
)


def act_choices() -> list[tuple[str, str]]:
    """Let the model name the acts without a migration for every new one."""
    return Act.choices

"""Every act that the record can hold, each declared here and nowhere else.

docs/audit.md is written from it by `manage.py document_acts`.
"""

from typing import Any

from django.db import models

from audit.catalog import (
    Area,
    Entry,
    access,
    audit_functions,
    controls,
    host_staff,
    operation,
    ordinary,
    records,
)


class Outcome(models.TextChoices):
    SUCCESS = "success", "Success"
    FAILURE = "failure", "Failure"


class Act(models.TextChoices):
    """An act: its stored name, when and by whom it is done, its entry and its label."""

    when: str
    by: str
    entry: Entry

    def __new__(cls, value: str, *declared: Any) -> "Act":
        act = str.__new__(cls, value)
        act._value_ = value
        act.when, act.by, act.entry = declared
        return act

    @property
    def noun(self) -> str:
        """The noun of its name, such as device in device.renamed."""
        return self.value.partition(".")[0]

    @classmethod
    def nouns_of(cls, area: Area) -> list[str]:
        """Return the nouns of the acts that the activity log shows in this area."""
        return sorted({act.noun for act in cls if act.entry.area == area})

    ACCESS_DECLINED = (
        "access.declined",
        "a second access manager declines a request of another; the reason is kept "
        "with the request",
        "an access manager",
        controls(Area.ACCESS, "1311.125(c)", detail=["kind"]),
        "Change of access declined",
    )
    ACCESS_ENTERED = (
        "access.entered",
        "an access manager requests a grant, a revocation, or a change of access "
        "managers; nothing changes yet",
        "an access manager",
        controls(
            Area.ACCESS, "1311.120(b)(4), 1311.120(b)(23), 1311.125(c)", detail=["kind"]
        ),
        "Change of access entered",
    )
    ACCESS_EXECUTED = (
        "access.executed",
        "a second access manager, who is a DEA registrant, approves it with both "
        "factors; `own` when the only registrant of a practice approves their own "
        "grant",
        "an access manager",
        controls(
            Area.ACCESS,
            "1311.120(b)(4)-(5), 1311.120(b)(23), 1311.125(c), 1311.130(b)",
            detail=["kind", "own", "challenge"],
        ),
        "Change of access executed",
    )
    ACCESS_GRANTED = (
        "access.granted",
        "the right to sign is granted by that; `provisional` in records from before "
        "two people were needed",
        "the access manager who approved it",
        controls(
            Area.ACCESS,
            "1311.120(b)(23), 1311.125(c)",
            detail=["practice", "request", "provisional"],
        ),
        "Right to sign granted",
    )
    ACCESS_REFUSED = (
        "access.refused",
        "somebody tries to request or approve a change they may not; the detail says "
        "why",
        "whoever tried",
        access(Area.ACCESS, "1311.120(b)(2)(ii), 1311.125(c)"),
        "Change of access refused",
    )
    ACCESS_RESTORED = (
        "access.restored",
        "the right to sign is granted again after a suspension",
        "the access manager who approved it",
        controls(Area.ACCESS, "1311.125(c)-(d)", detail=["practice", "request"]),
        "Right to sign granted anew",
    )
    ACCESS_REVOKED = (
        "access.revoked",
        "the right to sign is revoked, or given up",
        "the access manager who approved it, or its holder",
        controls(
            Area.ACCESS, "1311.120(b)(23), 1311.125(d)", detail=["reason", "request"]
        ),
        "Right to sign revoked",
    )
    ACCESS_SUSPENDED = (
        "access.suspended",
        "the right to sign stops at once; the detail says why",
        "the system when authority lapses, or whoever reported a device or password",
        controls(
            Area.ACCESS, "1311.125(d), 1311.130(d)", detail=["reason", "practice"]
        ),
        "Right to sign suspended",
    )
    ACCESS_WITHDRAWN = (
        "access.withdrawn",
        "whoever requested a change withdraws it",
        "an access manager",
        controls(Area.ACCESS, "1311.125(c)", detail=["kind"]),
        "Change of access withdrawn",
    )

    ADMIN_CHANGED = (
        "admin.changed",
        "reference data or an account is added, changed or removed in the admin",
        "an administrator",
        host_staff(Area.ACCESS, "1311.150(a)(2)", detail=["model", "added", "fields"]),
        "Changed in the admin",
    )
    ADMIN_SIGNED_IN = (
        "admin.signed_in",
        "password and code open the admin",
        "an administrator",
        host_staff(Area.ACCESS),
        "Signed in to the admin",
    )
    ADMIN_SIGN_IN_FAILED = (
        "admin.sign_in_failed",
        "password or code at the sign-in to the admin is refused",
        "whoever tried; anonymous when the account is not known",
        access(Area.ACCESS),
        "Sign-in to the admin failed",
    )

    AUDIT_CHECKPOINTED = (
        "audit.checkpointed",
        "a checkpoint of the record is made, or refused because the record was altered",
        "the system",
        audit_functions(
            Area.ACCESS,
            "1311.120(b)(26)",
            detail=["events", "streams"],
            only_failures=True,
        ),
        "Checkpoint of the record made",
    )
    AUDIT_REPORTED = (
        "audit.reported",
        "the analysis of a calendar day made its report; the detail gives the day, "
        "the number of auditable events and the seal",
        "the system",
        ordinary(
            Area.ACCESS,
            "1311.120(b)(25), 1311.150(b)",
            detail=["day", "events", "digest"],
        ),
        "Daily report made",
    )
    AUDIT_REPORT_MISSED = (
        "audit.report_missed",
        "a daily report was made later than on the next day; the detail says for "
        "which day",
        "the system",
        audit_functions(Area.ACCESS, "1311.150(a)(3), 1311.150(b)", detail=["since"]),
        "Daily report not made in time",
    )
    AUDIT_VERIFIED = (
        "audit.verified",
        "the whole record was verified; a failure names the first bad row",
        "the system",
        audit_functions(
            Area.ACCESS,
            "1311.120(b)(25)-(26)",
            detail=["events", "streams"],
            only_failures=True,
        ),
        "Record verified",
    )

    CERTIFICATION_CONFIRMED = (
        "certification.confirmed",
        "a second administrator confirms the report of a third-party audit",
        "an administrator",
        host_staff(Area.ACCESS, "1311.300(a)", detail=["version", "digest"]),
        "Third-party audit confirmed",
    )
    CERTIFICATION_ENTERED = (
        "certification.entered",
        "the report of a third-party audit or certification is entered; an adverse "
        "one stops signing at once",
        "an administrator",
        host_staff(Area.ACCESS, "1311.300", detail=["status", "version", "digest"]),
        "Third-party audit entered",
    )
    CERTIFICATION_TOLD = (
        "certification.told",
        "an adverse report was passed on; the detail says to whom",
        "an administrator",
        host_staff(Area.ACCESS, "1311.300", detail=["source"]),
        "Adverse audit report passed on",
    )

    CHALLENGE_CANCELLED = (
        "challenge.cancelled",
        "a push is canceled or replaced by a newer one; the detail says which",
        "the account that it was sent for",
        ordinary(
            Area.DEVICES, "1311.150(a)(1)", detail=["purpose", "challenge", "reason"]
        ),
        "Push cancelled",
    )
    CHALLENGE_PASSED = (
        "challenge.passed",
        "password and device code are both right",
        "the account that answered",
        ordinary(
            Area.DEVICES, "1311.115, 1311.120(b)(5)", detail=["purpose", "challenge"]
        ),
        "Both factors accepted",
    )
    CHALLENGE_REFUSED = (
        "challenge.refused",
        "one of the two factors is wrong, used, late or locked; the detail says why",
        "the account that was tried",
        access(
            Area.DEVICES,
            "1311.115",
            detail=["purpose", "challenge", "reason", "attempts"],
        ),
        "Challenge refused",
    )
    CHALLENGE_STARTED = (
        "challenge.started",
        "a push is sent to a device, after the right password; the detail says how",
        "the account it is sent for",
        ordinary(Area.DEVICES, "1311.115", detail=["purpose", "challenge", "channel"]),
        "Push sent",
    )

    CLOCK_CHANGED = (
        "clock.changed",
        "the comparison of the clock with NIST time has another result than before: "
        "in order, off, or not known",
        "the system",
        operation(
            Area.ACCESS,
            "1311.120(b)(8)",
            detail=["status", "offset_ms", "source"],
            only_failures=True,
        ),
        "Clock compared with NIST time, another result",
    )

    CREDENTIALING_APPROVED = (
        "credentialing.approved",
        "a member of the proofing office approves a practitioner on the "
        "institution's list; two are needed",
        "the proofing office of the institution",
        controls(Area.ACCESS, "1311.130(a)"),
        "Listed practitioner approved",
    )
    CREDENTIALING_ENDED = (
        "credentialing.ended",
        "a practitioner is taken off the list; signing under the institution's "
        "number stops",
        "the proofing office of the institution",
        controls(Area.ACCESS, "1311.130(d)"),
        "Taken off an institution's list",
    )
    CREDENTIALING_ENTERED = (
        "credentialing.entered",
        "a practitioner is added to the list; it counts once two have approved",
        "the proofing office of the institution",
        controls(Area.ACCESS, "1311.110(a), 1311.130(a)"),
        "Put on an institution's list",
    )
    CREDENTIALING_OFFICER_ENDED = (
        "credentialing.officer_ended",
        "somebody leaves the proofing office",
        "an administrator",
        controls(Area.ACCESS, "1311.130(c)"),
        "Proofing office left",
    )
    CREDENTIALING_OFFICER_NAMED = (
        "credentialing.officer_named",
        "somebody joins the proofing office",
        "an administrator",
        controls(Area.ACCESS, "1311.130(c)"),
        "Named to the proofing office",
    )

    DEA_REGISTRATION_ADDED = (
        "dea_registration.added",
        "a DEA registration is entered",
        "an administrator",
        controls(Area.ACCESS, "1311.120(b)(23), 1311.125(b)"),
        "DEA registration added",
    )

    DESIGNEE_ENDED = (
        "designee.ended",
        "somebody no longer manages access at a practice",
        "the access manager who approved it, or the one who resigned",
        controls(Area.ACCESS, "1311.120(b)(2)(ii), 1311.125(a)", detail=["practice"]),
        "Designation ended",
    )
    DESIGNEE_NAMED = (
        "designee.named",
        "somebody begins to manage access at a practice",
        "the access manager who approved it; for the first ones an administrator or "
        "the operator",
        controls(Area.ACCESS, "1311.120(b)(2)(ii), 1311.125(a)", detail=["practice"]),
        "Designee named",
    )

    DEVICE_ADDED = (
        "device.added",
        "a device can be used, from ID.me's list or set up in the portal",
        "the account's owner",
        ordinary(Area.DEVICES, "1311.115, 1311.150(a)(1)", detail=["source", "kind"]),
        "Device added",
    )
    DEVICE_DISABLED = (
        "device.disabled",
        "a hundred failures in a row; it must be set up again",
        "the account that was tried",
        access(Area.DEVICES, "1311.115, NIST SP 800-63B 5.2.2", detail=["reason"]),
        "Device disabled after too many failures",
    )
    DEVICE_ENROLMENT_REFUSED = (
        "device.enrolment_refused",
        "setting up a device in the portal fails; the detail says why",
        "the account's owner",
        access(Area.DEVICES),
        "Device set-up refused",
    )
    DEVICE_ENROLMENT_STARTED = (
        "device.enrolment_started",
        "a seed and QR code are shown for a new device",
        "the account's owner",
        ordinary(Area.DEVICES, "1311.115"),
        "Device set-up started",
    )
    DEVICE_PRIMARY_SELECTED = (
        "device.primary_selected",
        "one device becomes the one that signs",
        "the account's owner",
        ordinary(Area.DEVICES, "1311.115, 1311.150(a)(1)"),
        "Primary device selected",
    )
    DEVICE_RENAMED = (
        "device.renamed",
        "a device gets another nickname",
        "the account's owner",
        ordinary(Area.DEVICES, "1311.150(a)(1)", detail=["nickname"]),
        "Device renamed",
    )
    DEVICE_RETIRED = (
        "device.retired",
        "a device is removed or no longer in ID.me's list",
        "the account's owner, an administrator, or the system",
        ordinary(Area.DEVICES, "1311.125(d)(1)", detail=["reason"]),
        "Device retired",
    )

    DRUG_DATA_IMPORTED = (
        "drug_data.imported",
        "an edition of FDA's NDC directory was imported; the detail has its file, "
        "its digest and how many reviews it opened",
        "the system",
        host_staff(Area.ACCESS, "1308", detail=["source", "digest", "events"]),
        "Drug data imported",
    )

    DRUG_REVIEW_DECIDED = (
        "drug_review.decided",
        "an administrator decided which schedule a drug is in; its prescriptions "
        "that were ready are drafts again",
        "an administrator",
        host_staff(Area.ACCESS, "1308, 1311.120(b)(16)", detail=["status", "schedule"]),
        "Schedule of a drug decided",
    )
    DRUG_REVIEW_OPENED = (
        "drug_review.opened",
        "the directory and 21 CFR 1308 differ, or a schedule changed; the stricter "
        "one applies until an administrator decides",
        "the system",
        ordinary(Area.ACCESS, "1308", detail=["schedule", "reason"]),
        "Schedule of a drug to be reviewed",
    )

    EXPORT_DOWNLOADED = (
        "export.downloaded",
        "an export was downloaded",
        "whoever asked for it",
        ordinary(Area.SIGNING, "1311.305(d)", detail=["digest"]),
        "Export downloaded",
    )
    EXPORT_FAILED = (
        "export.failed",
        "an export could not be made; the detail says why",
        "whoever asked for it, or the system",
        ordinary(Area.SIGNING, "1311.305(d)"),
        "Export could not be made",
    )
    EXPORT_MADE = (
        "export.made",
        "the bundle of an export is made and sealed; the digest is that of its list "
        "of files",
        "whoever asked for it, or the system",
        ordinary(Area.SIGNING, "1311.305(d)-(h)", detail=["digest", "prescriptions"]),
        "Export made",
    )
    EXPORT_REMOVED = (
        "export.removed",
        "the file of an export is removed from the server; the records stay",
        "the system",
        ordinary(Area.SIGNING, "1311.305(b)"),
        "Export removed from the server",
    )
    EXPORT_REQUESTED = (
        "export.requested",
        "somebody asks for a bundle of signed prescriptions",
        "a practitioner for their own, an access manager for those of the practice",
        ordinary(Area.SIGNING, "1311.305(d)", detail=["practice", "kind"]),
        "Export asked for",
    )

    FEED_APPLIED = (
        "feed.applied",
        "ID.me's device list is applied; the detail counts the devices added and "
        "removed",
        "the account's owner, or the system",
        ordinary(Area.IDENTITY, "1311.115", detail=["added", "removed"]),
        "Device list taken over from ID.me",
    )
    FEED_FAILED = (
        "feed.failed",
        "ID.me's device list cannot be read or is not in order; nothing changes",
        "the account's owner, or the system",
        operation(Area.IDENTITY, detail=["reason"]),
        "Device list could not be taken over from ID.me",
    )

    IDME_LINKED = (
        "idme.linked",
        "an ID.me account is linked, with its assurance levels",
        "the account's owner",
        ordinary(Area.IDENTITY, "1311.105, 1311.110", detail=["ial", "aal"]),
        "ID.me account linked",
    )
    IDME_LINK_REFUSED = (
        "idme.link_refused",
        "an ID.me account cannot be linked: another's, or not assured enough",
        "the account that tried",
        access(Area.IDENTITY, "1311.110", detail=["ial", "aal"]),
        "Linking of an ID.me account refused",
    )
    IDME_NAME_DIFFERS = (
        "idme.name_differs",
        "ID.me verified another last name than the provider's; signing is blocked",
        "the account that signed in at ID.me",
        access(Area.IDENTITY, "1311.105(a)(1)"),
        "Name at ID.me is not the registered one",
    )
    IDME_SIGNED_IN = (
        "idme.signed_in",
        "an authentication at ID.me succeeded, to confirm the link or to sign in here",
        "the account's owner",
        ordinary(Area.IDENTITY, "1311.105", detail=["ial", "aal"]),
        "Authenticated at ID.me",
    )
    IDME_SIGN_IN_FAILED = (
        "idme.sign_in_failed",
        "ID.me's answer is a denial, late, forged or not in order",
        "the account that tried",
        access(Area.IDENTITY),
        "Authentication at ID.me failed",
    )
    IDME_UNLINKED = (
        "idme.unlinked",
        "an ID.me account is unlinked; its devices are retired and signing stops",
        "the owner of the account",
        ordinary(Area.IDENTITY, "1311.105, 1311.116"),
        "ID.me account unlinked",
    )

    INCIDENT_DECIDED = (
        "incident.decided",
        "an access manager decides whether an incident is a security incident; the "
        "explanation is kept with the incident",
        "an access manager of the practice",
        ordinary(Area.DEVICES, "1311.150(c)", detail=["kind"]),
        "Incident decided",
    )
    INCIDENT_OPENED = (
        "incident.opened",
        "something has to be reviewed within one business day, such as a push that "
        "its owner did not start",
        "the account it is about",
        records(Area.DEVICES, "1311.150(c)", detail=["kind", "incident"]),
        "Incident opened",
    )
    INCIDENT_OVERDUE = (
        "incident.overdue",
        "an incident was not decided, or not reported to everybody, when it was due",
        "the system",
        ordinary(Area.DEVICES, "1311.150(c)"),
        "Incident overdue",
    )
    INCIDENT_REPORTED = (
        "incident.reported",
        "a security incident was reported to the application provider or to DEA; the "
        "detail says to whom",
        "an access manager of the practice",
        ordinary(Area.DEVICES, "1311.150(c)", detail=["kind"]),
        "Incident reported to somebody",
    )

    KEY_CREATED = (
        "key.created",
        "a key for signing or sealing is made",
        "the system",
        host_staff(Area.ACCESS, "1311.120(b)(16)", detail=["key_id", "algorithm"]),
        "Key created",
    )
    KEY_RETIRED = (
        "key.retired",
        "a signing key is retired; what it signed still verifies",
        "the system",
        host_staff(Area.ACCESS, "1311.120(b)(16)", detail=["key_id"]),
        "Key retired",
    )
    KEY_ROTATED = (
        "key.rotated",
        "another key becomes current, or secrets are sealed again",
        "the system",
        host_staff(Area.ACCESS, "1311.120(b)(16)", detail=["changed"]),
        "Key rotated",
    )

    LOG_ARCHIVED = (
        "log.archived",
        "the log of a month, or one that was requested, is made and archived; the "
        "digest is that of the archived bytes",
        "the system, or the practitioner who asked",
        ordinary(
            Area.SIGNING,
            "1311.120(b)(27)(i)-(iii)",
            detail=["kind", "period", "digest"],
        ),
        "Prescription log archived",
    )
    LOG_CONFIRMED = (
        "log.confirmed",
        "a practitioner reviewed the log of a month and reports no problem",
        "the practitioner",
        ordinary(Area.SIGNING, "1311.102(j)"),
        "Prescription log looked through",
    )
    LOG_DELIVERED = (
        "log.delivered",
        "a monthly log was announced by email, or opened for the first time; the "
        "channel says which",
        "the system, or the practitioner",
        ordinary(Area.SIGNING, "1311.120(b)(27)(i)", detail=["channel"]),
        "Prescription log delivered",
    )
    LOG_OVERDUE = (
        "log.overdue",
        "a monthly log was not delivered within seven days of the end of the month",
        "the system",
        ordinary(Area.SIGNING, "1311.120(b)(27)(i)", detail=["period"]),
        "Monthly log not delivered in time",
    )

    MEMBERSHIP_ADDED = (
        "membership.added",
        "somebody joins a practice in a role",
        "an administrator",
        controls(Area.ACCESS, "1311.120(b)(3)"),
        "Membership of a practice added",
    )

    MESSAGE_FAILED = (
        "message.failed",
        "a cancellation or an answer to a pharmacy is given up or refused",
        "the system",
        ordinary(
            Area.SIGNING,
            "1311.120(b)(23), 1311.170",
            detail=["message_id", "code", "attempts"],
        ),
        "Message not taken by the pharmacy",
    )
    MESSAGE_KEPT_BACK = (
        "message.kept_back",
        "a message about to be sent differs from what was signed; it is not sent",
        "the system",
        records(
            Area.SIGNING, "1311.120(b)(18)-(19), 1311.170(e)", detail=["message_id"]
        ),
        "Message kept back, it is not what was signed",
    )
    MESSAGE_RECEIVED = (
        "message.received",
        "a pharmacy's message is received; the detail says which",
        "the system",
        ordinary(Area.SIGNING, "1311.120(b)(23)", detail=["kind", "message_id"]),
        "Message of a pharmacy received",
    )
    MESSAGE_REFUSED = (
        "message.refused",
        "an incoming message is not for this portal, unreadable or not authorized; "
        "without the token, once an hour for each address",
        "whoever sent it",
        access(Area.SIGNING),
        "Message of a pharmacy refused",
    )
    MESSAGE_SENT = (
        "message.sent",
        "a cancellation or an answer to a pharmacy is delivered",
        "the system",
        ordinary(
            Area.SIGNING, "1311.120(b)(23)", detail=["message_id", "code", "kind"]
        ),
        "Message taken by the pharmacy",
    )

    PASSWORD_CHANGED = (
        "password.changed",
        "a password is changed",
        "the account's owner, or an administrator",
        ordinary(Area.SIGN_INS, "1311.150(a)(1)"),
        "Password changed",
    )

    PATIENT_ADDED = (
        "patient.added",
        "a patient of the practice is entered",
        "the provider or agent",
        ordinary(Area.SIGNING, "1306.05(a)"),
        "Patient added",
    )
    PATIENT_CHANGED = (
        "patient.changed",
        "a patient's name, address or birth date is changed",
        "the provider or agent",
        ordinary(Area.SIGNING, "1306.05(a)"),
        "Patient changed",
    )
    PATIENT_LIST_PRINTED = (
        "patient.list_printed",
        "a patient's medication list is printed, labeled for information only",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(21), 1311.170(c)"),
        "Medication list printed",
    )

    PERMISSION_DENIED = (
        "permission.denied",
        "somebody asks for what they may not do or see",
        "the account that tried",
        access(Area.ACCESS),
        "Refused for want of permission",
    )

    PHARMACY_REQUEST_ANSWERED = (
        "pharmacy_request.answered",
        "the prescription written on a pharmacy's request is signed, and the "
        "pharmacy is told",
        "the system",
        ordinary(Area.SIGNING, "1311.120(b)(23)"),
        "Request of a pharmacy answered",
    )
    PHARMACY_REQUEST_DENIED = (
        "pharmacy_request.denied",
        "the practitioner, or an agent for them, denies what a pharmacy asked for",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(23)"),
        "Request of a pharmacy denied",
    )
    PHARMACY_REQUEST_RECEIVED = (
        "pharmacy_request.received",
        "a pharmacy asks to renew or change a prescription; nothing is ordered by it",
        "the system",
        ordinary(Area.SIGNING, "1311.120(b)(23)"),
        "Request of a pharmacy received",
    )
    PHARMACY_REQUEST_REOPENED = (
        "pharmacy_request.reopened",
        "the draft written on a pharmacy's request was discarded",
        "the system",
        ordinary(Area.SIGNING, "1311.120(b)(23)"),
        "Request of a pharmacy waits again",
    )
    PHARMACY_REQUEST_TAKEN_UP = (
        "pharmacy_request.taken_up",
        "a draft is begun on a pharmacy's request, to be reviewed and signed",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(23), 1311.135(a)"),
        "Prescription begun on request of a pharmacy",
    )

    PRESCRIPTION_ACCEPTED_LATE = (
        "prescription.accepted_late",
        "a pharmacy or the network reports that it has a prescription that was given "
        "up as not delivered, or was printed since; the practitioner is told",
        "the system",
        ordinary(
            Area.SIGNING, "1311.120(b)(23), 1311.170(b)", detail=["message_id", "code"]
        ),
        "Pharmacy accepted what was given up",
    )
    PRESCRIPTION_ALTERED = (
        "prescription.altered",
        "the content of a prescription changes before it is signed",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(23), 1311.135", detail=["fields"]),
        "Prescription altered",
    )
    PRESCRIPTION_CANCELLATION_ANSWERED = (
        "prescription.cancellation_answered",
        "the pharmacy says whether it canceled the prescription; a failure when it "
        "did not",
        "the system",
        ordinary(Area.SIGNING, "1311.120(b)(19), 1311.120(b)(23)"),
        "Cancellation answered by the pharmacy",
    )
    PRESCRIPTION_CANCELLED = (
        "prescription.cancelled",
        "a signed prescription is canceled; the detail says whether it had been sent",
        "the practitioner, an agent for them, or the system when it was changed on "
        "its way",
        ordinary(Area.SIGNING, "1311.120(b)(19), 1311.120(b)(23)", detail=["status"]),
        "Prescription cancelled",
    )
    PRESCRIPTION_CHANGED_IN_TRANSIT = (
        "prescription.changed_in_transit",
        "a pharmacy has a prescription that differs from what was signed; it is "
        "invalid and canceled",
        "the system",
        records(Area.SIGNING, "1306.08(d), 1311.170(e)", detail=["fields"]),
        "Prescription changed on its way",
    )
    PRESCRIPTION_COPY_PRINTED = (
        "prescription.copy_printed",
        "a signed prescription is printed, labeled as a copy not valid for dispensing",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(21), 1311.120(b)(23), 1311.170(c)"),
        "Copy of a prescription printed",
    )
    PRESCRIPTION_CREATED = (
        "prescription.created",
        "a prescription is begun",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(23), 1311.135", detail=["schedule"]),
        "Prescription created",
    )
    PRESCRIPTION_DELIVERED = (
        "prescription.delivered",
        "the pharmacy accepted it",
        "the system",
        ordinary(Area.SIGNING, "1311.120(b)(23)", detail=["message_id", "code"]),
        "Prescription delivered",
    )
    PRESCRIPTION_DISCARDED = (
        "prescription.discarded",
        "an unsigned prescription is discarded",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(23)"),
        "Prescription discarded",
    )
    PRESCRIPTION_FAILED = (
        "prescription.failed",
        "it could not be delivered, and is not retried automatically",
        "the system",
        ordinary(
            Area.SIGNING,
            "1311.120(b)(22)-(23), 1311.170",
            detail=["message_id", "code", "attempts"],
        ),
        "Prescription not delivered",
    )
    PRESCRIPTION_PRINTED = (
        "prescription.printed",
        "an original is printed, or printed again after a spoiled sheet; the detail "
        "says which",
        "the practitioner or an agent",
        ordinary(
            Area.SIGNING,
            "1311.120(b)(20), 1311.120(b)(22)-(23), 1311.170(b), 1311.170(d)",
            detail=["kind", "attempts"],
        ),
        "Prescription printed to be signed by hand",
    )
    PRESCRIPTION_QUEUED = (
        "prescription.queued",
        "signed, and waiting to be transmitted; only in records of before that and "
        "signing were one event",
        "the practitioner",
        ordinary(
            Area.SIGNING, "1311.120(b)(18), 1311.120(b)(23)", detail=["message_id"]
        ),
        "Prescription queued",
    )
    PRESCRIPTION_READY = (
        "prescription.ready",
        "the practitioner has reviewed it and marks it ready to sign",
        "the practitioner",
        ordinary(Area.SIGNING, "1311.120(b)(10), 1311.120(b)(23)", detail=["digest"]),
        "Prescription marked ready to sign",
    )
    PRESCRIPTION_REPUDIATED = (
        "prescription.repudiated",
        "a practitioner reports a prescription under their own DEA number as not "
        "signed, or as different from what was signed; signing stops and an incident "
        "opens",
        "the practitioner whose DEA number it is",
        ordinary(
            Area.SIGNING,
            "1311.102(j), 1311.150(a)(2)",
            detail=["kind", "incident"],
            because="it opens an incident, which is auditable",
        ),
        "Reported as not signed",
    )
    PRESCRIPTION_SIGNED = (
        "prescription.signed",
        "two factors are completed, the record is signed and archived, and its message "
        "is in the outbox",
        "the practitioner",
        ordinary(
            Area.SIGNING,
            "1311.120(b)(11)-(15), 1311.120(b)(18), 1311.120(b)(23), 1311.140",
            detail=["challenge", "device", "digest", "key_id", "message_id"],
        ),
        "Prescription signed",
    )
    PRESCRIPTION_TRANSMITTED = (
        "prescription.transmitted",
        "it left for the pharmacy",
        "the system",
        ordinary(
            Area.SIGNING, "1311.120(b)(23), 1311.170", detail=["message_id", "code"]
        ),
        "Prescription transmitted",
    )
    PRESCRIPTION_UNREADY = (
        "prescription.unready",
        "the mark is withdrawn, by hand or because the content changed",
        "the practitioner, or an agent by altering it",
        ordinary(Area.SIGNING, "1311.120(b)(10), 1311.120(b)(23)", detail=["reason"]),
        "Ready to sign withdrawn",
    )

    PROVIDER_ADDED = (
        "provider.added",
        "a provider is entered",
        "an administrator",
        controls(Area.ACCESS, "1311.120(b)(3)"),
        "Provider added",
    )

    RECORDS_IMPORTED = (
        "records.imported",
        "the bundle of another installation verified and its records were archived; "
        "a failure when it did not verify",
        "the system",
        host_staff(
            Area.SIGNING,
            "1311.305(e)-(h)",
            detail=["digest", "key_id", "prescriptions"],
        ),
        "Records of another installation imported",
    )

    SERVICE_INTERRUPTED = (
        "service.interrupted",
        "the worker runs again after it did not run for a while; the detail says "
        "since when",
        "the system",
        operation(Area.ACCESS, detail=["since"]),
        "The worker did not run",
    )

    SIGN_IN_FAILED = (
        "sign_in.failed",
        "username and password do not match; the name typed is not kept, as people "
        "type passwords there",
        "the account that was tried, or anonymous",
        access(Area.SIGN_INS),
        "Sign-in failed",
    )
    SIGN_IN_LOCKED = (
        "sign_in.locked",
        "repeated failures lock the sign-in for a while",
        "the account that was tried, or anonymous",
        access(Area.SIGN_INS),
        "Sign-in locked for a while",
    )
    SIGN_IN_SUCCEEDED = (
        "sign_in.succeeded",
        "somebody signs in to the portal",
        "that account",
        ordinary(Area.SIGN_INS, "1311.150(a)(1)"),
        "Signed in",
    )

    SIGN_OUT_DONE = (
        "sign_out.done",
        "somebody signs out",
        "that account",
        ordinary(Area.SIGN_INS, "1311.150(a)(1)"),
        "Signed out",
    )

    SIGNING_ACTIVATED = (
        "signing.activated",
        "the signing key may be unlocked again",
        "the system, by a command",
        controls(Area.SIGNING, "1311.120(b)(16)(iv)"),
        "Signing key may be unlocked again",
    )
    SIGNING_BLOCKED = (
        "signing.blocked",
        "the record, the signer, the clock or the archive is out of order, so "
        "nothing is signed",
        "the practitioner",
        operation(Area.SIGNING, "1311.120(b)(8), 1311.150(a)(5)", detail=["blockers"]),
        "Signing blocked, something is out of order",
    )
    SIGNING_DEACTIVATED = (
        "signing.deactivated",
        "the signing key is locked in every process; the detail says why",
        "the system, by a command",
        operation(Area.SIGNING, "1311.120(b)(16)(iv)", detail=["reason"]),
        "Signing key locked away",
    )
    SIGNING_MODULE_FOUND = (
        "signing.module_found",
        "the signing module, its version or its FIPS mode differs from before",
        "the system",
        operation(
            Area.SIGNING,
            "1311.120(b)(16)(i)",
            detail=["source", "version", "fips", "certificate"],
        ),
        "Another signing module found",
    )
    SIGNING_REFUSED = (
        "signing.refused",
        "a requirement of signing is not met; the detail lists which",
        "the practitioner, or whoever tried",
        access(Area.SIGNING, "1311.120(b)(12), 1311.140", detail=["blockers"]),
        "Signing refused",
    )
    SIGNING_RESTORED = (
        "signing.restored",
        "a second person, an access manager who is a registrant, resumes signing "
        "with both factors",
        "an access manager",
        controls(Area.SIGNING, "1311.102(g), 1311.102(i)", detail=["challenge"]),
        "Signing goes on after a stop",
    )
    SIGNING_RESTORE_ENTERED = (
        "signing.restore_entered",
        "somebody reports that the cause of a stop is fixed",
        "an administrator or an access manager",
        controls(Area.SIGNING, "1311.102(g), 1311.102(i)", detail=["reason"]),
        "Restart of signing entered",
    )
    SIGNING_STOPPED = (
        "signing.stopped",
        "signing is stopped, everywhere or at one practice; the detail says why",
        "an administrator or an access manager",
        controls(
            Area.SIGNING,
            "1311.102(f)-(i), 1311.150(a)(3)",
            detail=["reason", "practice", "version"],
        ),
        "Signing stopped",
    )

    STATE_LICENSE_ADDED = (
        "state_license.added",
        "a State license is entered",
        "an administrator",
        controls(Area.ACCESS, "1311.125(b)"),
        "State license added",
    )

    TRANSMISSION_FAILED = (
        "transmission.failed",
        "one attempt to transmit fails; the detail says why",
        "the system",
        ordinary(
            Area.SIGNING,
            "1311.120(b)(23), 1311.170",
            detail=["message_id", "code", "attempts"],
        ),
        "Attempt to transmit failed",
    )
    TRANSMISSION_RETRIED = (
        "transmission.retried",
        "a failed transmission is tried again by hand",
        "the practitioner or an agent",
        ordinary(Area.SIGNING, "1311.120(b)(23), 1311.170", detail=["message_id"]),
        "Transmission tried again",
    )

    USER_ADDED = (
        "user.added",
        "an account is added",
        "an administrator",
        controls(Area.ACCESS, "1311.120(b)(3)"),
        "Account added",
    )
    USER_CHANGED = (
        "user.changed",
        "an account is changed",
        "an administrator",
        controls(Area.ACCESS, "1311.120(b)(3)", detail=["fields"]),
        "Account changed",
    )


def act_choices() -> list[tuple[str, str]]:
    """Let the model name the acts without a migration for every new one."""
    return Act.choices

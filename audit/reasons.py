"""Why something was refused or ended: the codes of the record, in words people read."""

from typing import NewType

from django.db import models

# What a person or another system wrote; recorded and shown as it is.
Words = NewType("Words", str)


class ReasonChoices(models.TextChoices):
    """A vocabulary of reasons: the record stores the code, pages show the label.

    Apps above declare their own, such as the causes of a suspension.
    """


class Reason(ReasonChoices):
    """The reasons that no model of an app above stores.

    Four codes are also of a push that ended; the words here are true of it as well.
    """

    # Password and device.
    PASSWORD = "password", "Wrong password"
    LOCKED = "locked", "Locked at that time, not counted"
    MALFORMED = "malformed", "Not 6 digits"
    USED = "used", "The code was used before"
    CLOCK = "clock", "The code was not current"
    OTHER_DEVICE = "other_device", "Another device than the one chosen"
    WRONG = "wrong", "Wrong code"
    WRONG_CODE = "wrong_code", "The code entered at setup was wrong"
    TOO_MANY = "too_many", "Too many wrong answers"
    TOO_MANY_PUSHES = "too_many_pushes", "Too many push requests in a short time"
    EXPIRED = "expired", "Not in time"
    FAILURES = "failures", "Too many failed attempts"
    DEVICE_NOT_USABLE = "device_not_usable", "The device cannot be used"
    DEVICE_OF_ANOTHER_USER = "device_of_another_user", "A device of another user"
    SEED_UNREADABLE = "seed_unreadable", "The secret of the device cannot be read"
    NOT_PROVEN = "not_proven", "Password and device were not both confirmed"

    # Signing in at ID.me and linking an account.
    UNAVAILABLE = "unavailable", "ID.me could not be reached"
    NEEDS_SIGN_IN = "needs_sign_in", "ID.me wanted a new sign-in"
    ACCESS_DENIED = "access_denied", "Declined at ID.me"
    LOGIN_REQUIRED = "login_required", "Not signed in at ID.me"
    BAD_STATE = "bad_state", "Not started in this browser, or too long ago"
    BAD_ANSWER = "bad_answer", "The answer could not be verified as ID.me's"
    CODE_REFUSED = "code_refused", "ID.me no longer accepted the sign-in"
    UNKNOWN_ACCOUNT = "unknown_account", "ID.me no longer knew the account"
    MISCONFIGURED = "misconfigured", "ID.me did not accept this portal's request"
    OTHER_POLICY = "other_policy", "Not the identity check that was requested"
    NOT_FRESH = "not_fresh", "Without a sign-in at ID.me just before"
    UNKNOWN = "unknown", "ID.me gave no reason"
    NOT_LINKED = "not_linked", "No ID.me account was linked"
    NOBODY_LINKED = "nobody_linked", "No active user has linked this ID.me account"
    ANOTHER_ACCOUNT = "another_account", "Another ID.me account than the linked one"
    LINKED_TO_ANOTHER_USER = (
        "linked_to_another_user",
        "The ID.me account of another user here",
    )
    LEVEL_UNKNOWN = "level_unknown", "ID.me did not state the level of verification"
    LEVEL_TOO_LOW = "level_too_low", "Not verified well enough at ID.me"

    # ID.me's list of devices.
    NOT_ENCRYPTED = "not_encrypted", "ID.me's list was not encrypted"
    SEED_OF_ANOTHER_DEVICE = (
        "seed_of_another_device",
        "ID.me's list held the secret of another device",
    )
    NOT_A_LIST = "not_a_list", "ID.me's list was not in order (not a list)"
    NOT_AN_OBJECT = "not_an_object", "ID.me's list was not in order (not a device)"
    DUPLICATE_ID = "duplicate_id", "ID.me's list was not in order (same id twice)"
    DUPLICATE_SEED = (
        "duplicate_seed",
        "ID.me's list was not in order (same secret twice)",
    )
    DEVICE_ID = "id", "ID.me's list was not in order (id)"
    NAME_OR_TYPE = "name_or_type", "ID.me's list was not in order (name or type)"
    ALGORITHM = "algorithm", "ID.me's list was not in order (algorithm)"
    DIGITS = "digits", "ID.me's list was not in order (digits)"
    PERIOD = "period", "ID.me's list was not in order (period)"
    SECRET = "secret", "ID.me's list was not in order (secret)"

    # Permission.
    FORBIDDEN = "forbidden", "Not allowed"
    NOT_VISIBLE = "not_visible", "Belongs to another practice or person"
    NOT_ADMINISTRATOR = "not_administrator", "Only for administrators"
    NOT_DESIGNEE = "not_designee", "Only for access managers of the practice"
    NOT_OFFICER = "not_officer", "Only for the institution's proofing office"
    NOT_NAMED = "not_named", "Cannot be named an access manager"
    NOT_A_DESIGNEE_OF_THE_PRACTICE = (
        "not a designee of the practice",
        "Not an access manager of the practice",
    )
    NOT_A_WRITER = (
        "not a provider or agent of the practice",
        "Not a provider or agent of the practice",
    )
    EXPORT = "export", "Not allowed to export these records"

    # Requests for access, and an institution's list.
    SELF = "self", "Nobody does this for themselves"
    ABOUT_SELF = "about_self", "Nobody declines the end of their own access"
    SAME_PERSON = "same_person", "One person cannot both request and approve"
    ENTERED_BY_NOBODY = "entered_by_nobody", "Nobody currently authorized requested it"
    NOT_ENTERED_BY = "not_entered_by", "Only the person who requested it withdraws it"
    NOT_HOLDER = "not_holder", "Only its holder gives it up"
    NO_REGISTRANT = "no_registrant", "Only a current DEA registrant approves it"
    NOT_PROOFED = "not_proofed", "Identity not verified with ID.me"
    NO_DEVICE = "no_device", "No device to confirm with"
    SUSPENDED = "suspended", "The approver's own access is suspended or has ended"
    STALE = "stale", "License and registration were looked up too long ago"
    NOT_VERIFIED = "not_verified", "What was looked up differs from what is registered"
    NOT_CHECKED = "not_checked", "Not everything was checked"
    CHANGED = "changed", "Changed after it was requested"
    NO_REASON = "no_reason", "No reason was given"
    NO_GRANT = "no_grant", "There is no access to revoke"
    OPEN_ALREADY = "open_already", "Another request is waiting already"
    CLOSED = "closed", "Already closed"

    # Why a prescription is no longer ready to sign.
    PRESCRIPTION_ALTERED = "prescription altered", "The prescription was altered"
    PATIENT_CHANGED = "patient changed", "The patient's details were changed"
    DRUG_DATA_CHANGED = "drug data changed", "The drug's schedule was changed"


def in_words(reason: str) -> str:
    """Return the label of a code; what a person or another system wrote is unchanged."""
    for vocabulary in ReasonChoices.__subclasses__():
        if reason in vocabulary.values:
            return str(vocabulary(reason).label)
    return reason

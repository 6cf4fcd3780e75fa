"""What has to be on every prescription: 21 CFR 1306.05, 1311.135, 1311.170(e)."""

from foundation.blockers import Blocker
from prescriptions import content, formats, script
from prescriptions.models import Drug, Prescription
from prescriptions.rules.circumstances import Circumstances
from providers.models import Schedule

GAMMA_HYDROXYBUTYRIC_ACID = "2012"  # DEA code of the approved products
EDIT = "Edit the prescription."
# What a message says beside the content, as long as it gets.
ENVELOPE = {
    "message_id": "0" * 32,
    "signed_at": "2000-01-01T00:00:00.000000Z",
    "signer": "",
    "software": "epcs-portal 0",
}


def patient(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1306.05(a): full name and address of the patient."""
    one = prescription.patient
    wanted = [
        one.first_name,
        one.last_name,
        one.address_line_1,
        one.city,
        one.state,
        one.postal_code,
    ]
    if all(value.strip() for value in wanted):
        return None
    return Blocker(
        "The patient’s full name or address is incomplete.",
        "Complete it on the patient’s page.",
    )


def practitioner(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1306.05(a): name and address of the practitioner."""
    practice, prescriber = prescription.practice, prescription.prescriber
    wanted = [
        prescriber.first_name,
        prescriber.last_name,
        practice.address_line_1,
        practice.city,
        practice.state,
        practice.postal_code,
    ]
    if all(value.strip() for value in wanted):
        return None
    return Blocker(
        "The practitioner’s name or the practice’s address is incomplete.",
        "Ask your administrator to complete it.",
    )


def supervisor(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1311.135(c): it is clear who supervises and who prescribes."""
    one = prescription.supervisor_id
    if one is None:
        return None
    choose = f"{EDIT[:-1]} and choose another supervisor, or none."
    if one == prescription.prescriber_id:
        return Blocker("The supervisor is the practitioner who signs.", choose)
    if one in around.left:
        return Blocker("The supervisor no longer works at this practice.", choose)
    return None


def drug(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1306.05(a): drug name, strength and dosage form, all in what is sent."""
    one = prescription.drug
    wanted = [one.strength, one.form]
    if all(text.strip() and text in one.name for text in wanted):
        return None
    return Blocker(
        "The drug’s description lacks its strength or dosage form.",
        "Choose another drug and tell your administrator.",
    )


def drug_in_use(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """A drug that left the formulary is not prescribed any more."""
    one = prescription.drug
    if one.is_prescribable:
        return None
    label = "This drug is no longer in the formulary."
    if one.unavailable:
        label = f"This drug cannot be prescribed: {one.unavailable}"
    return Blocker(label, "Choose another drug.")


def directions(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1306.05(a): directions for use."""
    if prescription.directions.strip():
        return None
    return Blocker("The directions for use are missing.", EDIT)


def quantity(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1306.05(a): the quantity prescribed."""
    if prescription.quantity > 0:
        return None
    return Blocker("The quantity is missing.", EDIT)


def medical_need(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1306.05(c): the medical need for gamma-hydroxybutyric acid is noted."""
    if not is_ghb(prescription.drug) or prescription.note.strip():
        return None
    return Blocker(
        "The medical need for this drug has to be on the prescription.",
        "Write it into the note to the pharmacist.",
    )


def is_ghb(drug: Drug) -> bool:
    """Say whether it is gamma-hydroxybutyric acid, by its code or by its name."""
    named = f"{drug.substance} {drug.name}".casefold()
    return drug.dea_code == GAMMA_HYDROXYBUTYRIC_ACID or "oxybate" in named


def readable(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1311.170(e): nothing that a pharmacy's system would drop or change."""
    if all(map(formats.is_printable, content.texts(content.canonical(prescription)))):
        return None
    return Blocker(
        "There is a character in it that cannot be printed.",
        "Look for it in the directions, the note, names and addresses, and remove it.",
    )


def note_fits(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1311.170(e): what the law adds to the note does not push its end out."""
    sent = content.note_as_sent(content.canonical(prescription))
    excess = len(sent) - formats.NOTE_LENGTH
    if excess <= 0:
        return None
    return Blocker(
        "The note does not fit beside what is added to it for emergencies and partial "
        "fills.",
        f"Shorten the note by {excess} character{'' if excess == 1 else 's'}.",
    )


def fits(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """21 CFR 1311.170(e): the message to the pharmacy holds all of it, uncut."""
    if readable(prescription, around) or note_fits(prescription, around):
        return None
    record = {**ENVELOPE, "content": content.canonical(prescription)}
    for version in script.VERSIONS:
        try:
            script.new_rx(content.encode(record), version=version)
        except script.DoesNotFit as problem:
            return Blocker(f"It cannot be sent unshortened: {problem}", "Shorten it.")
    return None


def schedule_unchanged(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """21 CFR 1308: what was moved to another schedule is reviewed again."""
    if prescription.schedule == prescription.drug.schedule:
        return None
    return Blocker(
        "The schedule of this drug was changed since the prescription was written.",
        "Edit and save the prescription, then review it again.",
    )


def pharmacy_takes_it(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """21 CFR 1311.200: the pharmacy's application has to accept them."""
    pharmacy = prescription.pharmacy
    if not pharmacy.accepts_epcs:
        return Blocker(
            f"{pharmacy.name} does not accept controlled substances electronically.",
            "Choose another pharmacy.",
        )
    if pharmacy.fills(prescription.schedule):
        return None
    label = Schedule(prescription.schedule).label
    return Blocker(
        f"{pharmacy.name} does not fill {label}.", "Choose another pharmacy."
    )

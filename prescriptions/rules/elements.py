"""What has to be on every prescription: 21 CFR 1306.05, 1311.135, 1311.170(e)."""

from foundation.blockers import Blocker
from prescriptions import content, formats, script
from prescriptions.models import Drug, Prescription
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.registry import rule

GAMMA_HYDROXYBUTYRIC_ACID = "2012"  # DEA code of the approved products
EDIT = "Edit the prescription."
# The longest values of what a message holds beside the content.
ENVELOPE = {
    "message_id": "0" * 32,
    "signed_at": "2000-01-01T00:00:00.000000Z",
    "signer": "",
    "software": "epcs-portal 0",
}


@rule("1306.05(a)")
def patient(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The full name and address of the patient."""
    patient = prescription.patient
    required = [
        patient.first_name,
        patient.last_name,
        patient.address_line_1,
        patient.city,
        patient.state,
        patient.postal_code,
    ]
    if all(value.strip() for value in required):
        return None
    return Blocker(
        "The patient’s full name or address is incomplete.",
        "Complete it on the patient’s page.",
    )


@rule("1306.05(a)")
def practitioner(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The name and address of the practitioner."""
    practice, prescriber = prescription.practice, prescription.prescriber
    required = [
        prescriber.first_name,
        prescriber.last_name,
        practice.address_line_1,
        practice.city,
        practice.state,
        practice.postal_code,
    ]
    if all(value.strip() for value in required):
        return None
    return Blocker(
        "The practitioner’s name or the practice’s address is incomplete.",
        "Ask your administrator to complete it.",
    )


@rule("1311.135(c)")
def supervisor(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The supervisor is another practitioner, who works at the practice."""
    supervisor_id = prescription.supervisor_id
    if supervisor_id is None:
        return None
    choose = f"{EDIT[:-1]} and choose another supervisor, or none."
    if supervisor_id == prescription.prescriber_id:
        return Blocker("The supervisor is the practitioner who signs.", choose)
    if supervisor_id in around.left:
        return Blocker("The supervisor no longer works at this practice.", choose)
    return None


@rule("1306.05(a)")
def drug(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The drug name, strength and dosage form are all in the message."""
    drug = prescription.drug
    required = [drug.strength, drug.form]
    if all(text.strip() and text in drug.name for text in required):
        return None
    return Blocker(
        "The drug’s description lacks its strength or dosage form.",
        "Choose another drug and tell your administrator.",
    )


@rule("1308")
def drug_in_use(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """A drug that left the formulary cannot be prescribed."""
    drug = prescription.drug
    if drug.is_prescribable:
        return None
    label = "This drug is no longer in the formulary."
    if drug.unavailable:
        label = f"This drug cannot be prescribed: {drug.unavailable}"
    return Blocker(label, "Choose another drug.")


@rule("1306.05(a)")
def directions(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The directions for use."""
    if prescription.directions.strip():
        return None
    return Blocker("The directions for use are missing.", EDIT)


@rule("1306.05(a)")
def quantity(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The quantity prescribed."""
    if prescription.quantity > 0:
        return None
    return Blocker("The quantity is missing.", EDIT)


@rule("1311.170(e)")
def readable(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """No character that a pharmacy's system would drop or change."""
    if all(map(formats.is_printable, content.texts(content.canonical(prescription)))):
        return None
    return Blocker(
        "There is a character in it that cannot be printed.",
        "Look for it in the directions, the note, names and addresses, and remove it.",
    )


@rule("1311.170(e)")
def note_fits(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The note fits together with the text that the law adds to it."""
    sent = content.note_as_sent(content.canonical(prescription))
    excess = len(sent) - formats.NOTE_LENGTH
    if excess <= 0:
        return None
    return Blocker(
        "The note does not fit beside what is added to it for emergencies and partial "
        "fills.",
        f"Shorten the note by {excess} character{'' if excess == 1 else 's'}.",
    )


@rule("1311.170(e)")
def fits(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The message to the pharmacy holds the whole prescription."""
    if readable(prescription, around) or note_fits(prescription, around):
        return None
    record = {**ENVELOPE, "content": content.canonical(prescription)}
    for version in script.VERSIONS:
        try:
            script.new_rx(content.encode(record), version=version)
        except script.DoesNotFit as problem:
            return Blocker(f"It cannot be sent unshortened: {problem}", "Shorten it.")
    return None


@rule("1306.05(c)")
def medical_need(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The medical need for gamma-hydroxybutyric acid is noted."""
    if not is_ghb(prescription.drug) or prescription.note.strip():
        return None
    return Blocker(
        "The medical need for this drug has to be on the prescription.",
        "Write it into the note to the pharmacist.",
    )


def is_ghb(drug: Drug) -> bool:
    """Return True for gamma-hydroxybutyric acid, known by its code or by its name."""
    named = f"{drug.substance} {drug.name}".casefold()
    return drug.dea_code == GAMMA_HYDROXYBUTYRIC_ACID or "oxybate" in named

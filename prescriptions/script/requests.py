"""What an RxRenewalRequest or RxChangeRequest asks for, ready to show."""

from dataclasses import dataclass

from prescriptions.script.parser import Message

# The elements that may describe the medication; the first one present counts.
DESCRIPTIONS = ["MedicationRequested", "MedicationDispensed", "MedicationPrescribed"]


@dataclass(frozen=True)
class RequestedMedication:
    """The medication that a pharmacy asks for, as texts that fit their columns."""

    drug: str
    quantity: str
    refills: str
    directions: str
    note: str


def requested_medication(message: Message) -> RequestedMedication:
    """Return what a request asks for; what it does not say is empty."""
    element = _description(message)

    def first(*paths: str, longest: int) -> str:
        texts = (message.body_text(f"{element}/{path}") for path in paths)
        return plain(next(filter(None, texts), ""), longest=longest)

    return RequestedMedication(
        drug=first("DrugDescription", "Product/DrugDescription", longest=105),
        quantity=first("Quantity/Value", longest=11),
        refills=first("PharmacyRequestedRefills", "NumberOfRefills", longest=2),
        directions=first("Sig/SigText", longest=1000),
        note=first("Note", longest=210),
    )


def plain(text: str, *, longest: int) -> str:
    """Return text on one printable line; the whole message is kept beside it."""
    printable = "".join(
        character if character.isprintable() else " " for character in text
    )
    return " ".join(printable.split())[:longest]


def _description(message: Message) -> str:
    for name in DESCRIPTIONS:
        if message.root.find(f"Body/{message.kind}/{name}") is not None:
            return name
    return DESCRIPTIONS[-1]

"""What a pharmacy reads in a NewRx, and what a network answers."""

from lxml import etree

from prescriptions import script

PLACES = {
    "patient": "{*}Patient/{*}HumanPatient/{*}Name/{*}LastName",
    "drug": "{*}MedicationPrescribed/{*}DrugDescription",
    "directions": "{*}MedicationPrescribed/{*}Sig/{*}SigText",
    "quantity": "{*}MedicationPrescribed/{*}Quantity/{*}Value",
    "refills": "{*}MedicationPrescribed/{*}NumberOfRefills",
    "written": "{*}MedicationPrescribed/{*}WrittenDate/{*}Date",
    "dea_number": "{*}Prescriber/{*}NonVeterinarian/{*}Identification/{*}DEANumber",
}
ANSWERS = {
    "accepted": "<Status><Code>010</Code></Status>",
    "passed on": "<Status><Code>000</Code></Status>",
    "busy": "<Error><Code>602</Code></Error>",
    "rejected": "<Error><Code>900</Code><Description>No</Description></Error>",
}


def fields_of(xml: bytes) -> dict[str, str]:
    order = etree.fromstring(xml).find("{*}Body/{*}NewRx")
    return {name: order.findtext(place) for name, place in PLACES.items()}


def answer(kind: str, *, to: str) -> str:
    return (
        f'<Message xmlns="{script.NAMESPACE}"><Header>'
        f"<RelatesToMessageID>{to}</RelatesToMessageID></Header>"
        f"<Body>{ANSWERS[kind]}</Body></Message>"
    )

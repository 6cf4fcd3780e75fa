from prescriptions.models.drugs import Drug
from prescriptions.models.outbox import Transmission, TransmissionState
from prescriptions.models.parties import OfPractice, Patient, Pharmacy, Sex
from prescriptions.models.prescriptions import (
    ON_ITS_WAY,
    OPEN,
    SIGNED_ON,
    TRANSITIONS,
    Prescription,
    Status,
    plain,
)
from prescriptions.models.records import SignedRecord, SigningKey

__all__ = [
    "ON_ITS_WAY",
    "OPEN",
    "SIGNED_ON",
    "TRANSITIONS",
    "Drug",
    "OfPractice",
    "Patient",
    "Pharmacy",
    "Prescription",
    "Sex",
    "SignedRecord",
    "SigningKey",
    "Status",
    "Transmission",
    "TransmissionState",
    "plain",
]

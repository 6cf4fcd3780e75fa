from prescriptions.models.bundles import (
    Export,
    ExportState,
    ImportedBundle,
    ImportedRecord,
)
from prescriptions.models.drugs import Drug
from prescriptions.models.logs import (
    LogKind,
    PrescriptionLog,
    Repudiation,
    RepudiationKind,
)
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
    "Export",
    "ExportState",
    "ImportedBundle",
    "ImportedRecord",
    "LogKind",
    "OfPractice",
    "Patient",
    "Pharmacy",
    "Prescription",
    "PrescriptionLog",
    "Repudiation",
    "RepudiationKind",
    "Sex",
    "SignedRecord",
    "SigningKey",
    "Status",
    "Transmission",
    "TransmissionState",
    "plain",
]

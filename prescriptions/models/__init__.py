from prescriptions.models.bundles import (
    Export,
    ExportState,
    ImportedBundle,
    ImportedRecord,
)
from prescriptions.models.certification import (
    REQUIRED,
    Capability,
    Finding,
    Qualification,
    ThirdPartyAudit,
)
from prescriptions.models.clock import ClockMeasurement, ClockState
from prescriptions.models.drugs import Drug, DrugSource, DrugWord
from prescriptions.models.logs import (
    LogKind,
    PrescriptionLog,
    Repudiation,
    RepudiationKind,
)
from prescriptions.models.ndc import (
    Decision,
    DrugPackage,
    DrugProduct,
    ImportRun,
    RefusedRow,
    ReviewTask,
    RunState,
    Stage,
)
from prescriptions.models.outbox import Transmission, TransmissionState
from prescriptions.models.paper import (
    TO_SIGN_BY_HAND,
    Cancellation,
    Printout,
    PrintoutKind,
)
from prescriptions.models.parties import Patient, Pharmacy, PracticeOwnedQuerySet, Sex
from prescriptions.models.prescriptions import Prescription, in_words, plain
from prescriptions.models.records import SignedRecord, SigningKey
from prescriptions.models.requests import (
    PharmacyRequest,
    ReceivedMessage,
    RequestKind,
    RequestState,
)
from prescriptions.models.signing_module import SigningDeactivation, SigningModule
from prescriptions.models.state_rules import StateRule
from prescriptions.models.statuses import (
    ON_ITS_WAY,
    OPEN,
    SINCE_SIGNING,
    TRANSITIONS,
    Status,
)
from prescriptions.models.stops import SigningStop

__all__ = [
    "TO_SIGN_BY_HAND",
    "Cancellation",
    "PharmacyRequest",
    "Printout",
    "PrintoutKind",
    "ReceivedMessage",
    "RequestKind",
    "RequestState",
    "ON_ITS_WAY",
    "OPEN",
    "REQUIRED",
    "SINCE_SIGNING",
    "TRANSITIONS",
    "Capability",
    "ClockMeasurement",
    "ClockState",
    "Decision",
    "Drug",
    "DrugPackage",
    "DrugProduct",
    "DrugSource",
    "DrugWord",
    "Export",
    "ExportState",
    "Finding",
    "ImportRun",
    "ImportedBundle",
    "ImportedRecord",
    "LogKind",
    "PracticeOwnedQuerySet",
    "Patient",
    "Pharmacy",
    "Prescription",
    "PrescriptionLog",
    "Qualification",
    "RefusedRow",
    "Repudiation",
    "RepudiationKind",
    "ReviewTask",
    "RunState",
    "Sex",
    "SignedRecord",
    "SigningDeactivation",
    "SigningKey",
    "SigningModule",
    "SigningStop",
    "Stage",
    "StateRule",
    "Status",
    "ThirdPartyAudit",
    "Transmission",
    "TransmissionState",
    "in_words",
    "plain",
]

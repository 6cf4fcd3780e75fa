from audit.models.events import (
    SIGN_INS,
    ChainHead,
    Checkpoint,
    Event,
    subject_of,
    user_stream,
)
from audit.models.incidents import Incident, IncidentKind, IncidentStep, Step
from audit.models.reports import DailyReport, Heartbeat

__all__ = [
    "SIGN_INS",
    "ChainHead",
    "Checkpoint",
    "DailyReport",
    "Event",
    "Heartbeat",
    "Incident",
    "IncidentKind",
    "IncidentStep",
    "Step",
    "subject_of",
    "user_stream",
]

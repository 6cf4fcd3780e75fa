"""What a network replies, and what became of the message."""

from audit.acts import Act
from audit.models import Event
from prescriptions import script
from prescriptions.models import Prescription

THIS_ONE = "the MessageID of the message that was sent"


def says(body, related=THIS_ONE):
    return (
        f'<Message xmlns="{script.NAMESPACE}"><Header>'
        f"<RelatesToMessageID>{related}</RelatesToMessageID></Header>"
        f"<Body>{body}</Body></Message>"
    )


ACCEPTED = "<Status><Code>010</Code></Status>"
REJECTED = "<Error><Code>900</Code><Description>No Schedule II</Description></Error>"


def acts_since_queued(message):
    subject = f"prescriptions.prescription:{message.prescription.public_id}"
    events = Event.objects.filter(subject=subject).order_by("at", "sequence")
    acts = [event.act for event in events]
    return acts[acts.index(Act.PRESCRIPTION_SIGNED) + 1 :]


def state(message):
    message.refresh_from_db()
    return message.state, Prescription.objects.get().status

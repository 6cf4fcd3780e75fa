"""What tests of printing do and look at."""

import responses
from django.urls import reverse

from audit.models import Event
from prescriptions.delivery import outbox

COPY_LABEL = "Copy only—not valid for dispensing."


def answer(settings, message, body):
    with responses.RequestsMock() as network:
        network.post(
            settings.SCRIPT_NETWORK_URL,
            body="<Message><Header><RelatesToMessageID>"
            f"{message.message_id}</RelatesToMessageID></Header>"
            f"<Body>{body}</Body></Message>",
        )
        outbox.attempt(message.pk)


def printed(client, prescription, way, **data):
    url = reverse("prescription-print", args=[prescription.public_id, way])
    return client.post(url, data)


def act_of(prescription):
    subject = f"prescriptions.prescription:{prescription.public_id}"
    return Event.objects.filter(subject=subject).latest("at", "sequence")

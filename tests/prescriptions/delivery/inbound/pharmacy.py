"""A pharmacy that speaks to the portal, for tests."""

import uuid

from django.urls import reverse

from prescriptions import script
from prescriptions.delivery import outbox
from prescriptions.models import Transmission

RENEWAL, CHANGE = "RxRenewalRequest", "RxChangeRequest"


def message(body, *, about, sender, message_id=None, order="", version="20170715"):
    return (
        f'<?xml version="1.0"?><Message xmlns="{script.NAMESPACE}"'
        f' TransactionVersion="{version}"><Header>'
        f'<To Qualifier="D">1234567893</To><From Qualifier="P">{sender}</From>'
        f"<MessageID>{message_id or uuid.uuid4().hex}</MessageID>"
        f"<RelatesToMessageID>{about}</RelatesToMessageID>"
        "<SentTime>2026-11-23T15:00:00Z</SentTime>"
        f"<PrescriberOrderNumber>{order}</PrescriberOrderNumber></Header>"
        f"<Body>{body}</Body></Message>"
    ).encode()


class Pharmacy:
    """The pharmacy of a prescription, as the network lets it speak to the portal."""

    def __init__(self, client, prescription):
        self.client = client
        self.sender = prescription.pharmacy.ncpdp_id
        self.about = prescription.transmission.message_id

    def post(self, content, token="inbound-token", **extra):  # noqa: S107
        return self.client.post(
            reverse("script-inbound"),
            content,
            content_type=extra.pop("content_type", "application/xml"),
            headers={"Authorization": f"Bearer {token}"},
        )

    def says(self, body, **facts):
        facts = {"about": self.about, "sender": self.sender} | facts
        return outcome(self.post(message(body, **facts)))


def outcome(response):
    assert response.status_code == 200
    answer = script.read(response.content)
    return answer.kind, answer.body_text("Code"), answer.body_text("Description")


OK = ("Status", "010", "")


def send_everything():
    for pk in list(Transmission.objects.values_list("pk", flat=True)):
        outbox.attempt(pk)


def asks(kind, prescription=None, **changes):
    """A request as pharmacies write it, with what was prescribed as they have it."""
    values = {"quantity": "30", "refills": "0"} | changes
    order = (
        f"<DrugDescription>Oxycodone</DrugDescription><Quantity><Value>"
        f"{values['quantity']}</Value></Quantity><NumberOfRefills>"
        f"{values['refills']}</NumberOfRefills>"
    )
    wanted = (
        "<DrugDescription>Oxycodone 10 mg tablet</DrugDescription><Quantity>"
        "<Value>60</Value></Quantity><Note>Out of stock</Note>"
    )
    other = "MedicationDispensed" if kind == RENEWAL else "MedicationRequested"
    return (
        f"<{kind}><MessageRequestCode>G</MessageRequestCode>"
        f"<{other}>{wanted}</{other}>"
        f"<MedicationPrescribed>{order}</MedicationPrescribed></{kind}>"
    )

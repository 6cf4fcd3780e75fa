"""What the pharmacy says by itself: buttons of a page, messages to the portal."""

import copy
import uuid
from datetime import UTC, datetime

import requests
from django.conf import settings
from lxml import etree

from sandbox.pharmacy import script
from sandbox.pharmacy.models import Receipt, Sent

TIMEOUT = 10  # seconds
ABOUT = {
    "NewRx": {
        "verify": "Say that it arrived (Verify)",
        "renewal": "Ask to renew it (RxRenewalRequest)",
        "change": "Ask for a generic instead (RxChangeRequest)",
        "failure": "Say that it cannot be delivered (Error 900)",
    },
    "CancelRx": {
        "approve": "Taken back (CancelRxResponse, approved)",
        "deny": "Dispensed already (CancelRxResponse, denied)",
    },
}


def sayings_about(receipt: Receipt) -> dict[str, str]:
    """Return what can be said about a message that came, with words for the page."""
    return ABOUT.get(receipt.kind, {})


def say(receipt: Receipt, saying: str) -> Sent:
    """Send one message to the portal, and keep it with the answer."""
    message_id = uuid.uuid4().hex
    root, body = _message(receipt, message_id)
    BODIES[saying](body, script.read(bytes(receipt.content)))
    content = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return Sent.objects.create(
        receipt=receipt,
        message_id=message_id,
        kind=etree.QName(body[0]).localname,
        content=content,
        answer=_post(content),
    )


def _message(
    receipt: Receipt, message_id: str
) -> tuple[etree._Element, etree._Element]:
    """Return an answer to who sent the receipt, in the same version of SCRIPT."""
    came = etree.fromstring(bytes(receipt.content))
    root = etree.Element(
        etree.QName(script.NAMESPACE, "Message"),
        {str(name): str(value) for name, value in came.attrib.items()},
        nsmap={None: script.NAMESPACE},  # type: ignore[dict-item]  # missing in the stubs
    )
    header = script.add(root, "Header")
    for name, source in (("To", "From"), ("From", "To")):
        found = came.find(f"{{*}}Header/{{*}}{source}")
        if found is not None:
            script.add(header, name, found.text or "").attrib.update(found.attrib)
    script.add(header, "MessageID", message_id)
    script.add(header, "RelatesToMessageID", receipt.message_id)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    script.add(header, "SentTime", now.replace("+00:00", "Z"))
    order = came.find("{*}Header/{*}PrescriberOrderNumber")
    if order is not None:
        script.add(header, "PrescriberOrderNumber", order.text)
    return root, script.add(root, "Body")


def _verify(body: etree._Element, came: script.Message) -> None:
    verify = script.add(body, "Verify")
    script.add(script.add(verify, "VerifyStatus"), "Code", "010")


def _failure(body: etree._Element, came: script.Message) -> None:
    error = script.add(body, "Error")
    script.add(error, "Code", script.REJECTED)
    script.add(error, "Description", "The store does not take it")


def _renewal(body: etree._Element, came: script.Message) -> None:
    request = script.add(body, "RxRenewalRequest")
    _repeat(request, came, "MedicationDispensed")
    _repeat(request, came, "MedicationPrescribed")


def _change(body: etree._Element, came: script.Message) -> None:
    request = script.add(body, "RxChangeRequest")
    script.add(request, "MessageRequestCode", "G")
    _repeat(request, came, "MedicationPrescribed")
    wanted = _repeat(request, came, "MedicationRequested")
    name = wanted.find(".//{*}DrugDescription")
    if name is not None:
        name.text = f"{name.text} (generic)"


def _approve(body: etree._Element, came: script.Message) -> None:
    response = script.add(script.add(body, "CancelRxResponse"), "Response")
    script.add(script.add(response, "Approved"), "Note", "Not dispensed")


def _deny(body: etree._Element, came: script.Message) -> None:
    response = script.add(script.add(body, "CancelRxResponse"), "Response")
    denied = script.add(response, "Denied")
    script.add(denied, "DenialReason", "The patient has it already")


BODIES = {
    "verify": _verify,
    "failure": _failure,
    "renewal": _renewal,
    "change": _change,
    "approve": _approve,
    "deny": _deny,
}


def _repeat(request: etree._Element, came: script.Message, name: str) -> etree._Element:
    """Repeat the medication as the pharmacy has it, under another name."""
    element = script.add(request, name)
    medication = came.root.find(f"Body/{came.kind}/{script.MEDICATION}")
    for part in medication if medication is not None else []:
        element.append(_named(copy.deepcopy(part)))
    if "2023" in came.root.get("TransactionVersion", ""):
        product = etree.Element(etree.QName(script.NAMESPACE, "Product"))
        product.extend([one for one in element if "Drug" in etree.QName(one).localname])
        element.insert(0, product)
    return element


def _named(element: etree._Element) -> etree._Element:
    for part in element.iter(etree.Element):
        part.tag = str(etree.QName(script.NAMESPACE, str(part.tag)))
    return element


def _post(content: bytes) -> str:
    """Return what the portal answered, in words for the page."""
    if not settings.PORTAL_SCRIPT_URL:
        return "nothing, no address is configured"
    try:
        response = requests.post(
            settings.PORTAL_SCRIPT_URL,
            data=content,
            headers={
                "Content-Type": "application/xml",
                "Authorization": f"Bearer {settings.SCRIPT_INBOUND_TOKEN}",
            },
            timeout=TIMEOUT,
        )
        answer = script.read(response.content)
    except (requests.RequestException, script.NotReadable) as problem:
        return f"nothing that can be read ({type(problem).__name__})"
    said = [answer.kind, answer.said("Code"), answer.said("Description")]
    return " ".join(filter(None, said))

"""Pages of the portal, while ID.me is gone."""

import re

from django.contrib.messages import get_messages
from django.urls import reverse

from mfa.models import Push
from tests.factories import PASSWORD

UNREACHABLE = "ID.me cannot be reached"


def url(name, thing):
    return reverse(name, args=[thing.public_id])


def sign(client, prescription, **data):
    page = client.get(url("prescription-sign", prescription)).content.decode()
    shown = re.search(r'name="shown_digest" value="([0-9a-f]{64})"', page)
    facts = {"shown_digest": shown.group(1)}
    return client.post(url("prescription-sign", prescription), facts | data)


def by_push(device):
    return {"password": PASSWORD, "device": str(device.public_id)}


def said(response):
    shown = " ".join(str(message) for message in get_messages(response.wsgi_request))
    return f"{shown} {response.content.decode()}"


def ask_phone(client, prescription, handset):
    """Have ID.me ask the phone, while it is there; return the push."""
    assert sign(client, prescription, **by_push(handset)).status_code == 302
    return Push.objects.select_related("challenge").get()

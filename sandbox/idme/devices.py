"""The methods of an account: set them up, ask them, remove them."""

import secrets

import pyotp
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from sandbox.idme import codes
from sandbox.idme.models import (
    Account,
    Answer,
    Channel,
    Device,
    DeviceType,
    Message,
    PushRequest,
)

DEFAULT_NAMES = {
    DeviceType.CODE_GENERATOR: "Code Generator",
    DeviceType.PUSH: "Push Notification",
    DeviceType.TEXT: "Text Message",
}


class NotAllowed(Exception):
    """The message is fit to show."""


def begin(account: Account, *, kind: str, channel: str, address: str = "") -> Device:
    """Start setting up a method; a link or a code goes to the phone where one is due."""
    device = Device.objects.create(
        account=account,
        type=kind,
        name=DEFAULT_NAMES[DeviceType(kind)],
        secret=pyotp.random_base32() if kind == DeviceType.CODE_GENERATOR else "",
        channel=channel,
        address=address,
    )
    if kind == DeviceType.TEXT:
        send_code(device)
    elif channel != Channel.QR:
        send_link(device)
    return device


def send_link(device: Device) -> None:
    path = reverse("phone-link", args=[device.account.reference, device.link])
    Message.objects.create(
        account=device.account,
        channel=device.channel,
        device=device,
        text=f"ID.me: open this link on your phone to set up your "
        f"{device.get_type_display()}. It works for 15 minutes. "
        f"{settings.SANDBOX_ORIGIN}{path}",
    )


def send_code(device: Device) -> None:
    """Text a six-digit code that is good for one use."""
    device.one_time_code = f"{secrets.randbelow(10**6):06}"
    device.save(update_fields=["one_time_code"])
    Message.objects.create(
        account=device.account,
        channel=Channel.TEXT,
        text=f"ID.me: your code is {device.one_time_code}. Do not share it.",
    )


def install(device: Device) -> None:
    """Put the method on the phone: what opening the link there does."""
    device.is_installed = True
    device.save(update_fields=["is_installed"])
    if device.type == DeviceType.PUSH:
        ask(device, text="Finish setting up push notifications for ID.me?")


def ask(device: Device, *, text: str) -> PushRequest:
    return PushRequest.objects.create(device=device, text=text)


def accept_code(device: Device, code: str) -> bool:
    """Check a code of either kind and use it up."""
    if device.type == DeviceType.CODE_GENERATOR:
        return codes.accept(device, code)
    if not code or code != device.one_time_code:
        return False
    sent = Device.objects.filter(pk=device.pk, one_time_code=code)
    return sent.update(one_time_code="") == 1


def was_approved(device: Device, *, request_id: str | None = None) -> bool:
    """Say whether the phone's answer to a push request was Yes, in time."""
    requests = device.requests.order_by("-sent_at")
    if request_id:
        requests = requests.filter(pk=request_id)
    newest = requests.first()
    return bool(newest and newest.answer == Answer.YES and not newest.is_expired)


def confirm(device: Device, *, name: str) -> None:
    """Make the method usable, under a name the account does not use yet."""
    if name:
        device.name = _unused_name(device, name)
    else:
        device.name = _unused_name(device, device.name)
    device.confirmed_at = timezone.now()
    device.save(update_fields=["name", "confirmed_at"])


@transaction.atomic
def remove(device: Device) -> None:
    """Delete a method, unless it is the last one."""
    if device.account.devices.usable().count() < 2:
        raise NotAllowed(
            "This is your only method, and at least one must stay. "
            "Set up another one first."
        )
    device.delete()


def provisioning_uri(device: Device) -> str:
    return pyotp.TOTP(device.secret).provisioning_uri(
        name=device.account.email, issuer_name="ID.me stand-in"
    )


def _unused_name(device: Device, name: str) -> str:
    taken = set(
        device.account.devices.usable()
        .exclude(pk=device.pk)
        .values_list("name", flat=True)
    )
    choices = [name, *(f"{name} {number}" for number in range(2, len(taken) + 3))]
    return next(choice for choice in choices if choice not in taken)

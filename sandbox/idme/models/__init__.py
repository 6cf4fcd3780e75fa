from sandbox.idme.models.accounts import (
    Account,
    Channel,
    Consent,
    Device,
    DeviceType,
    Message,
    PhoneAccount,
)
from sandbox.idme.models.keys import ClientAssertion, ClientKey, SigningKey
from sandbox.idme.models.pushes import (
    PUSH_TIME,
    Answer,
    Approval,
    Decision,
    PushRequest,
)
from sandbox.idme.models.switches import Endpoint, Fault, Switch
from sandbox.idme.models.tokens import AccessToken, AuthorizationCode, RefreshToken

__all__ = [
    "PUSH_TIME",
    "AccessToken",
    "Account",
    "Answer",
    "Approval",
    "AuthorizationCode",
    "Channel",
    "ClientAssertion",
    "ClientKey",
    "Consent",
    "Decision",
    "Device",
    "DeviceType",
    "Endpoint",
    "Fault",
    "Message",
    "PhoneAccount",
    "PushRequest",
    "RefreshToken",
    "SigningKey",
    "Switch",
]

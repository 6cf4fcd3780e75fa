"""The identity provider's settings: one typed object, read when needed."""

from dataclasses import dataclass

from foundation.settings_families import family


@dataclass(frozen=True)
class IdmeSettings:
    """The IDME_ settings; docs/settings.md explains each."""

    issuer: str
    client_id: str
    client_secret: str
    client_key_file: str
    scopes: str
    claims: dict[str, str]
    ial_values: dict[str, int]
    aal_values: dict[str, int]
    push_amr: list[str]
    binding_message_length: int
    account_url: str
    userinfo_key_file: str
    timeout: float  # seconds


def idme_settings() -> IdmeSettings:
    return family(IdmeSettings, prefix="IDME_")

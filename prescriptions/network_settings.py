"""The settings of the pharmacy network: one typed object, read when it is needed."""

from dataclasses import dataclass

from foundation.settings_families import family


@dataclass(frozen=True)
class ScriptSettings:
    """The SCRIPT_ settings; docs/settings.md explains each."""

    network_url: str
    network_token: str
    network_timeout: float  # seconds
    test_hosts: list[str]
    version: str
    answers: dict[str, str]
    inbound_token: str


def script_settings() -> ScriptSettings:
    return family(ScriptSettings, prefix="SCRIPT_")

"""Code generators: the form asks for the code, and it is verified at once."""

from mfa import challenges
from mfa.models import Challenge, Device, Intent, Kind
from mfa.refusals import CodeRefused


class CodeGenerator:
    kind: str = Kind.CODE_GENERATOR
    label: str = Kind.CODE_GENERATOR.label
    note = template = ""
    removal = "mfa/factors/code_generator_removal.html"
    asks_for_code = True

    def begin(
        self,
        intent: Intent,
        *,
        device: Device,
        password: str | None,
        code: str,
        message: str,
    ) -> Challenge:
        if not code:
            raise CodeRefused(f"Enter the code that “{device}” shows.")
        return challenges.prove(intent, device=device, password=password, code=code)

    def latest(self, intent: Intent) -> None:
        return None

    def is_waiting(self, challenge: Challenge) -> bool:
        return False

    def answer(self, waiting: Challenge) -> Challenge:
        return waiting

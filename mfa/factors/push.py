"""Push requests: the phone is asked, and the page waits for its answer."""

from mfa.models import Challenge, Device, Intent, Kind
from mfa.push import answers, pushes
from mfa.refusals import CodeRefused, NotProven


class PushRequest:
    kind: str = Kind.PUSH
    label: str = Kind.PUSH.label
    note = "push notification"
    template = "mfa/factors/push.html"
    removal = "mfa/factors/push_removal.html"
    asks_for_code = False

    def begin(
        self,
        intent: Intent,
        *,
        device: Device,
        password: str | None,
        code: str,
        message: str,
    ) -> Challenge:
        if code:
            raise CodeRefused(
                f"“{device}” is asked by push and has no codes. Leave the code empty, "
                "or choose the device that the code is from."
            )
        return pushes.start(
            intent, device=device, message=message, password=password or ""
        )

    def latest(self, intent: Intent) -> Challenge | None:
        return pushes.latest(intent)

    def is_waiting(self, challenge: Challenge) -> bool:
        return answers.is_open(challenge) or pushes.is_redeemable(challenge)

    def answer(self, waiting: Challenge) -> Challenge:
        challenge = pushes.check(waiting)
        if answers.is_open(challenge):
            raise NotProven(
                f"“{challenge.device}” has not answered yet. Answer on your phone first."
            )
        return challenge

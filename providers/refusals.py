"""Why a change of access was refused; the message says what to do next."""


class NotAllowed(Exception):
    """Nothing was changed; `code` is what the record says of it."""

    def __init__(self, message: str, *, code: str):
        self.code = code
        super().__init__(message)

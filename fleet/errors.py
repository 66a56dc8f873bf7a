"""What the fleet could not do, with a stable code and a sentence that says what to do."""


class FleetError(Exception):
    """Shown to a person as it is: the message says what to do about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

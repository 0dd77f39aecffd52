"""Errors as named facts; the table at the end owns their HTTP status."""

from payouts.errors import InsufficientFunds


class LabelyardError(Exception):
    """Something the caller can understand and put right; `field` is the path of the input at fault, if one is."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidInput(LabelyardError):
    """The input has the wrong shape or breaks a rule."""


class NotFound(LabelyardError):
    """No such thing, or none that the caller may know of: a foreign id and a missing one look the same."""


class Unauthorized(LabelyardError):
    """No valid key, token or session."""


class Forbidden(LabelyardError):
    """Signed in, but this is another role's business."""


class Conflict(LabelyardError):
    """The state of things forbids it now."""


class DuplicateUniqueId(Conflict):
    """A task with this unique_id exists."""


class TooManyRequests(LabelyardError):
    """The caller has used up what a rate limit allows."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class LeaseLost(Conflict):
    """The lease ended or went to somebody else, and the answer is no longer needed."""


class StaleEpoch(Conflict):
    """The caller holds an older lease than the current one."""


class WrongState(LabelyardError):
    """The object is past the state in which this may be done; 400, as the customers' contract has it."""


class TooLarge(LabelyardError):
    """The input is over a size limit."""


STATUS: dict[type[Exception], int] = {
    InvalidInput: 400,
    WrongState: 400,
    TooLarge: 400,
    Unauthorized: 401,
    InsufficientFunds: 402,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooManyRequests: 429,
}


def status_of(error: Exception) -> int:
    """The status of the nearest ancestor in the table; 500 where there is none."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)

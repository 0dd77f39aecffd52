"""What can go wrong with money, as named facts."""


class PayoutsError(Exception):
    """The root of this package's errors."""


class InsufficientFunds(PayoutsError):
    """A guarded account holds less than a transfer needs."""

    def __init__(self, available_cents: int, needed_cents: int) -> None:
        available, needed = f"${available_cents / 100:,.2f}", f"${needed_cents / 100:,.2f}"
        super().__init__(f"This needs {needed}, and {available} is available.")
        self.available_cents = available_cents
        self.needed_cents = needed_cents


class KeyConflict(PayoutsError):
    """The business key was used for another movement of money."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was posted before with other entries")
        self.key = key


class PayoutRefused(PayoutsError):
    """A rule of payouts forbids this step now; the message is for the person who asked."""


class BadSignature(PayoutsError):
    """A webhook that Stripe did not sign."""

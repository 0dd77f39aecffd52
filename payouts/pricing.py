"""What work pays and what it costs: effort times rate, plus the fee."""

from collections.abc import Iterable
from dataclasses import dataclass

from payouts.money import share_up

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Quote:
    """The price of a task; `total_cents` is reserved at intake."""

    labor_cents: int
    fee_cents: int

    @property
    def total_cents(self) -> int:
        return self.labor_cents + self.fee_cents


def pay_cents(effort_seconds: int, hourly_rate_cents: int) -> int:
    """What one answer of this effort pays: rounded up, so that the hourly rate is a floor."""
    return share_up(effort_seconds, hourly_rate_cents, SECONDS_PER_HOUR)


def quote(effort_seconds: Iterable[int], *, answers: int, hourly_rate_cents: int, fee_percent: int) -> Quote:
    """The price of pieces of these efforts, each answered `answers` times and paid as `pay_cents` says."""
    labor = answers * sum(pay_cents(seconds, hourly_rate_cents) for seconds in effort_seconds)
    return Quote(labor_cents=labor, fee_cents=share_up(labor, fee_percent, 100))


def hourly_cents(amount_cents: int, seconds: int) -> int | None:
    """What an amount for so many seconds comes to in an hour; none where no time was spent."""
    return amount_cents * SECONDS_PER_HOUR // seconds if seconds > 0 else None

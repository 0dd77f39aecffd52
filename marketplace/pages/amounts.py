"""Amounts of money as people type them."""

from decimal import Decimal

from marketplace.errors import InvalidInput

CENTS_MAX = 10**11


def read_cents(text: str, field: str) -> int:
    """`12`, `12.5` or `1,284.50` dollars as cents; raises InvalidInput."""
    try:
        amount = Decimal(text.strip().replace(",", "").removeprefix("$"))
        cents = int(amount.scaleb(2))
        if amount.is_finite() and amount.scaleb(2) == cents and 0 <= cents <= CENTS_MAX:
            return cents
    except (ArithmeticError, ValueError):
        pass
    raise InvalidInput("Please give an amount in dollars with at most two decimals, as 12.50.", field)

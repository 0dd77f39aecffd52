"""Splitting and pricing: laws rather than cases."""

from hypothesis import given
from hypothesis import strategies as st

from payouts.money import allocate
from payouts.pricing import hourly_cents, pay_cents, quote

amounts = st.integers(0, 10**12)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any)


def test_the_extra_cent_goes_to_the_first() -> None:
    assert allocate(1000, [1, 1, 1]) == [334, 333, 333]


@given(amounts, weights)
def test_no_cent_is_lost_and_nobody_is_off_by_one(amount: int, weights: list[int]) -> None:
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    assert all(
        abs(part * sum(weights) - amount * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


@given(st.integers(1, 10**5), st.integers(1, 10**5))
def test_the_hourly_rate_is_a_floor(seconds: int, rate: int) -> None:
    hourly = hourly_cents(pay_cents(seconds, rate), seconds)
    assert hourly is not None and hourly >= rate
    assert (pay_cents(seconds, rate) - 1) * 3600 < seconds * rate


@given(st.lists(st.integers(1, 5000), max_size=30), st.integers(1, 5), st.integers(0, 10**4), st.integers(0, 100))
def test_a_quote_covers_every_answer_and_the_fee(efforts: list[int], answers: int, rate: int, fee: int) -> None:
    price = quote(efforts, answers=answers, hourly_rate_cents=rate, fee_percent=fee)
    assert price.labor_cents == sum(pay_cents(seconds, rate) for seconds in efforts) * answers
    assert price.fee_cents * 100 >= price.labor_cents * fee
    assert price.total_cents == price.labor_cents + price.fee_cents

"""Pricing: laws rather than cases."""

from hypothesis import given
from hypothesis import strategies as st

from payouts.pricing import hourly_cents, pay_cents, quote


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

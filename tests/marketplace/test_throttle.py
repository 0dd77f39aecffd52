"""The throttle's laws: never more than is allowed, and who waits as told is let in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.throttle import CALLERS_KEPT, Throttle

gaps = st.lists(st.floats(0, 30), min_size=1, max_size=60)


@settings(deadline=None)
@given(gaps, st.integers(1, 12))
def test_never_more_than_a_windows_worth_at_once_and_an_even_pace_after(gaps: list[float], amount: int) -> None:
    throttle, now, let_in = Throttle(f"{amount} per minute"), 0.0, []
    for gap in gaps:
        now += gap
        if throttle.count("ana", now) == 0:
            let_in.append(now)
    for first, began in enumerate(let_in):
        for last in range(first, len(let_in)):
            earned = amount + (let_in[last] - began) * amount / 60
            assert last - first + 1 <= earned + 1e-6


@settings(deadline=None)
@given(gaps, st.integers(1, 12))
def test_who_waits_as_told_is_let_in_and_not_before(gaps: list[float], amount: int) -> None:
    throttle, now = Throttle(f"{amount} per minute"), 1e6
    for gap in gaps:
        now += gap
        wait = throttle.count("ana", now)
        if wait > 0:
            assert throttle.count("ana", now + wait * 0.99) > 0
            now += wait + 1e-6
            assert throttle.count("ana", now) == 0
        assert throttle.wait_seconds("nobody yet", now) <= 0


def test_who_has_not_called_for_long_is_forgotten_and_who_has_is_not() -> None:
    throttle = Throttle("1 per minute")
    for number in range(CALLERS_KEPT):
        throttle.count(f"caller {number}", 0.0)
    assert throttle.count("ana", 100.0) == 0
    assert len(throttle._earned_at) == 1
    assert throttle.count("ana", 100.0) == pytest.approx(60)

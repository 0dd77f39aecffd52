"""Gold: the most telling item is chosen, in no fixed order, and a wrong truth is found by those who know better."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from routing.gold import GoldItem, Graded, choose, is_suspect, suspicion

CAR, BIKE = GoldItem("car", ["Car"]), GoldItem("bike", ["Bicycle"])
SHARES = {"Car": 0.5, "Bicycle": 0.5}


def chosen(items: list[GoldItem], rows: dict[str, tuple[float, float]], shares: dict[str, float]) -> Counter[str]:
    rng = np.random.default_rng(11)
    return Counter(choose(items, rows, shares, rng).subtask_id for _ in range(500))


def test_the_class_in_which_she_is_unknown_is_measured() -> None:
    won = chosen([CAR, BIKE], {"Car": (40.0, 3.0), "Bicycle": (2.0, 1.0)}, SHARES)
    assert won["bike"] > 450


def test_what_is_common_in_the_work_is_measured_before_what_is_rare() -> None:
    won = chosen([CAR, BIKE], {"Car": (4.0, 1.0), "Bicycle": (4.0, 1.0)}, {"Car": 0.9, "Bicycle": 0.1})
    assert won["car"] > 400 and won["bike"] > 0


def test_the_order_cannot_be_recognized() -> None:
    items = [GoldItem(str(k), ["Car"]) for k in range(5)]
    won = chosen(items, {}, SHARES)
    assert min(won.values()) > 60


def test_what_many_have_seen_is_used_less() -> None:
    won = chosen([GoldItem("new", ["Car"]), GoldItem("old", ["Car"], answered=99)], {}, SHARES)
    assert won["new"] > 400


def test_wrong_gold_is_found_when_accurate_labelers_agree_against_it() -> None:
    assert is_suspect([Graded(0.93, 0.0)] * 4, mutual=0.95)
    assert not is_suspect([Graded(0.93, 0.0)] * 4, mutual=0.1), "they are all wrong in their own ways: a hard item"
    assert not is_suspect([Graded(0.5, 0.0)] * 4, mutual=0.9), "who is often wrong proves nothing"
    assert not is_suspect([Graded(0.93, 1.0)] * 6 + [Graded(0.93, 0.0)] * 3, mutual=1.0)
    assert not is_suspect([Graded(0.99, 0.0)] * 2, mutual=1.0), "two may have talked"


@given(st.lists(st.builds(Graded, st.floats(0, 1), st.floats(0, 1)), max_size=12), st.floats(0, 1))
def test_suspicion_is_a_probability_and_a_good_grade_never_adds_to_it(graded: list[Graded], mutual: float) -> None:
    before = suspicion(graded, mutual)
    assert 0 <= before <= 1
    if len(graded) >= 3:
        assert suspicion([*graded, Graded(0.9, 1.0)], mutual) <= before + 1e-9

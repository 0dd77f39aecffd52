"""The laws that every consensus of geometry keeps, and what boxes are for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.consensus import boxes

quick = settings(max_examples=40, deadline=None)
sides = st.tuples(st.floats(-500, 500), st.floats(-500, 500), st.floats(1, 300), st.floats(1, 300))
labelers = st.builds(
    boxes.Reliability,
    recall=st.floats(0.3, 0.99),
    precision=st.floats(0.3, 0.99),
    label=st.floats(0.5, 0.99),
    sigma=st.floats(0.01, 0.3),
)


@st.composite
def box_answers(draw: st.DrawFn) -> boxes.Boxes:
    rows = draw(st.lists(sides, max_size=5))
    return boxes.Boxes.of(rows, [draw(st.sampled_from(["car", "van"])) for _ in rows])


crews = st.lists(st.tuples(box_answers(), labelers), min_size=1, max_size=4)


@quick
@given(box_answers(), labelers, st.integers(1, 5))
def test_equal_answers_give_themselves(answer: boxes.Boxes, labeler: boxes.Reliability, count: int) -> None:
    merged = boxes.merge([answer] * count, [labeler] * count)
    assert merged.value == answer
    assert merged.scores == pytest.approx((1.0,) * count)


@quick
@given(crews, st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(crew, random) -> None:  # type: ignore[no-untyped-def]
    turned = random.sample(crew, len(crew))
    one, two = (boxes.merge([a for a, _ in c], [r for _, r in c]) for c in (crew, turned))
    assert one.value == two.value and one.confidence == two.confidence and one.parts == two.parts
    assert sorted(one.scores) == sorted(two.scores)


@quick
@given(crews)
def test_a_merged_answer_is_aligned_and_within_0_and_1(crew) -> None:  # type: ignore[no-untyped-def]
    merged = boxes.merge([a for a, _ in crew], [r for _, r in crew])
    assert len(merged.parts) == len(merged.value) and len(merged.scores) == len(crew)
    assert all(0 <= x <= 1 for x in (merged.confidence, *merged.parts, *merged.scores))
    assert np.isfinite(merged.value.rows).all()

"""The laws that every consensus of geometry keeps, and what each of them is for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.consensus import boxes, cuboids, masks, points, polygons, tracks
from routing.consensus.asking import next_ask
from routing.consensus.existence import DEFAULT
from routing.geometry.robust import robust_mean
from routing.geometry.tracks import TrackBlock

quick = settings(max_examples=25, deadline=None)
place = st.integers(-300, 300).map(float)
side = st.integers(1, 200).map(float)
labels = st.sampled_from(["car", "van"])


def listed(of: Callable[..., Any], row: st.SearchStrategy[Any], size: int = 4) -> st.SearchStrategy[Any]:
    return st.lists(st.tuples(row, labels), max_size=size).map(
        lambda drawn: of([r for r, _ in drawn], [label for _, label in drawn])
    )


def octagon(x: float, y: float, w: float, h: float) -> Any:
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    return np.stack([x + w * np.cos(turn), y + h * np.sin(turn)], axis=1)


def blocks(drawn: list[tuple[tuple[float, ...], str, int]]) -> TrackBlock:
    frames = np.arange(4)
    rows = np.full((len(drawn), 4, 7), np.nan)
    for k, (row, _, start) in enumerate(drawn):
        rows[k, start:] = row
        rows[k, start:, 0] += frames[start:]
    return TrackBlock([f"t{k}" for k in range(len(drawn))], [label for _, label, _ in drawn], frames, rows)


cuboid = st.tuples(place, place, st.just(0.5), side, side, side, st.floats(-3, 3))


@dataclass(frozen=True)
class Kind:
    module: Any
    answers: st.SearchStrategy[Any]
    errors: tuple[str, ...]

    def reliabilities(self) -> st.SearchStrategy[Any]:
        rate = st.floats(0.3, 0.99)
        errors = {name: st.floats(0.01, 0.5) for name in self.errors}
        return st.builds(self.module.Reliability, recall=rate, precision=rate, label=rate, **errors)


CUBOID_ERRORS = ("place_m", "size_share", "heading_deg")
KINDS = {
    "boxes": Kind(boxes, listed(boxes.Boxes.of, st.tuples(place, place, side, side)), ("sigma",)),
    "points": Kind(points, listed(points.Points.of, st.tuples(place, place)), ("sigma_px",)),
    "polygons": Kind(
        polygons, listed(polygons.Polygons.of, st.builds(octagon, place, place, side, side), 2), ("sigma_px",)
    ),
    "cuboids": Kind(cuboids, listed(cuboids.Cuboids.of, cuboid), CUBOID_ERRORS),
    "tracks": Kind(
        tracks, st.lists(st.tuples(cuboid, labels, st.integers(0, 2)), max_size=3).map(blocks), CUBOID_ERRORS
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def content(answer: Any) -> Any:
    if isinstance(answer, TrackBlock):
        return answer.labels, np.nan_to_num(answer.boxes).tolist()
    return answer


@every_kind
@quick
@given(data=st.data(), count=st.integers(1, 4))
def test_equal_answers_give_themselves(kind: Kind, data: st.DataObject, count: int) -> None:
    answer, labeler = data.draw(kind.answers), data.draw(kind.reliabilities())
    merged = kind.module.merge([answer] * count, [labeler] * count)
    assert content(merged.value) == content(answer)
    assert merged.scores == pytest.approx((1.0,) * count)


@every_kind
@quick
@given(data=st.data())
def test_the_order_of_answers_does_not_matter_and_everything_is_aligned(kind: Kind, data: st.DataObject) -> None:
    crew = data.draw(st.lists(st.tuples(kind.answers, kind.reliabilities()), min_size=1, max_size=4))
    order = data.draw(st.permutations(range(len(crew))))
    one = kind.module.merge([a for a, _ in crew], [r for _, r in crew])
    two = kind.module.merge([crew[k][0] for k in order], [crew[k][1] for k in order])
    assert content(one.value) == content(two.value) and one.parts == two.parts
    assert one.confidence == two.confidence and two.scores == tuple(one.scores[k] for k in order)
    assert len(one.parts) == len(kind.module.SHAPE.labels(one.value)) and len(one.scores) == len(crew)
    assert all(0 <= x <= 1 for x in (one.confidence, *one.parts, *one.scores))
    assert set(kind.module.disputed(one, 1.1)) == set(range(len(one.parts)))


@every_kind
@quick
@given(data=st.data())
def test_similarity_is_symmetric_and_full_for_equals(kind: Kind, data: st.DataObject) -> None:
    one, two = data.draw(kind.answers), data.draw(kind.answers)
    assert kind.module.similarity(one, one) == pytest.approx(1)
    assert 0 <= kind.module.similarity(one, two) <= 1
    assert kind.module.similarity(one, two) == pytest.approx(kind.module.similarity(two, one), abs=1e-9)


# What it is for


def crowd(
    dice: np.random.Generator, truth: np.ndarray, labelers: int, sigma: float, *, recall: float = 0.8
) -> list[boxes.Boxes]:
    answers = []
    for _ in range(labelers):
        found = truth[dice.random(len(truth)) < recall]
        invented = np.column_stack([dice.uniform(0, 3000, (2, 2)), dice.uniform(30, 90, (2, 2))])
        drawn = found + dice.normal(0, sigma, found.shape)
        answers.append(boxes.Boxes.of(np.vstack([drawn, invented[dice.random(2) < 0.5]])))
    return answers


def scene(dice: np.random.Generator, count: int = 10) -> np.ndarray:
    return np.column_stack([dice.uniform(0, 3000, (count, 2)), dice.uniform(40, 120, (count, 2))])


def test_five_answers_are_better_than_one_and_know_how_good_they_are() -> None:
    dice = np.random.default_rng(1)
    one, five, stated = [], [], []
    for _ in range(30):
        truth = scene(dice)
        answers = crowd(dice, truth, 5, 4.0)
        merged = boxes.merge(answers, [boxes.Reliability()] * 5)
        right = boxes.Boxes.of(truth)
        one.append(boxes.similarity(answers[0], right))
        five.append(boxes.similarity(merged.value, right))
        stated.append(merged.confidence)
    assert np.mean(five) > np.mean(one) + 0.1
    assert abs(np.mean(stated) - np.mean(five)) < 0.1


def test_a_refit_tells_who_misses_invents_and_draws_badly() -> None:
    dice = np.random.default_rng(2)
    tasks, gold = {}, {}
    for task in range(24):
        truth = scene(dice)
        good = crowd(dice, truth, 3, 2.0, recall=0.95)
        careless = crowd(dice, truth, 1, 12.0, recall=0.5)
        tasks[task] = {"a": good[0], "b": good[1], "c": good[2], "careless": careless[0]}
        if task < 8:
            gold[task] = boxes.Boxes.of(truth)
    learned = boxes.refit(tasks, gold, dice)
    good, careless = learned.of("a"), learned.of("careless")
    assert careless.recall < 0.6 < 0.85 < good.recall and careless.sigma > 2 * good.sigma
    assert careless.recall < learned.of("a newcomer").recall < good.recall
    assert learned.model != DEFAULT


def test_what_one_of_three_drew_is_disputed_and_only_that_is_asked_again() -> None:
    sure = [[100.0 * k, 0.0, 60.0, 60.0] for k in range(6)]
    answers = [boxes.Boxes.of(sure), boxes.Boxes.of(sure), boxes.Boxes.of([*sure, [900.0, 400.0, 60.0, 60.0]])]
    joined = boxes.join(answers, [boxes.Reliability()] * 3)
    assert len(joined.merged.value) == 6 and boxes.disputed(joined.merged, 0.85) == []
    doubtful = next(k for k, row in enumerate(joined.places.rows) if row[0] == 900)
    ask = next_ask(joined.candidates)
    assert ask.places == (doubtful,) and ask.share < 0.5
    assert ask.rate > joined.candidates.gain


def test_who_looked_at_one_place_misses_nothing_elsewhere() -> None:
    drawn = boxes.Boxes.of([[0, 0, 50, 50], [300, 0, 50, 50]])
    only_first = boxes.Boxes.of([[0, 0, 50, 50]])
    online = boxes.OnlineBoxes()
    for _ in range(2):
        online.add(drawn, boxes.Reliability())
    before = online.joined().candidates.exists
    online.add(only_first, boxes.Reliability(), looked=only_first)
    after = online.joined().candidates.exists
    assert after[0] > before[0] and after[1] == pytest.approx(before[1])


def test_a_cuboid_drawn_back_to_front_does_not_turn_the_mean_across_the_road() -> None:
    rows = np.array([[0, 0, 0, 4, 2, 1.5, 0.1], [0.2, 0, 0, 4, 2, 1.5, -0.1], [0.1, 0, 0, 4, 2, 1.5, 3.1]])
    merged = cuboids.merge([cuboids.Cuboids.of([row]) for row in rows], [cuboids.Reliability()] * 3)
    assert abs(merged.value.rows[0, 6]) < 0.1 and 0 < merged.value.rows[0, 0] < 0.2


def test_an_object_that_everybody_drew_rigid_has_one_size_and_the_span_of_most() -> None:
    answers = []
    for k, (start, length) in enumerate([(0, 4.0), (1, 4.4), (1, 4.2)]):
        answers.append(blocks([((0.1 * k, 0.0, 0.5, length, 2.0, 1.5, 0.0), "car", start)]))
    merged = tracks.merge(answers, [tracks.Reliability()] * 3).value
    present = merged.present[0]
    assert present.tolist() == [False, True, True, True]
    assert len(np.unique(merged.boxes[0, present, 3])) == 1 and 4.0 < merged.boxes[0, 1, 3] < 4.4


def test_contours_are_nearer_to_the_truth_together_than_alone() -> None:
    """Synthetic truth: a star-like contour, each labeler's with 5 px of smooth noise and her own corners."""
    dice = np.random.default_rng(3)
    alone, together = [], []
    for _ in range(20):
        turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
        radius = 100 + 25 * np.cos(3 * turn + dice.uniform(0, 6))
        truth = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
        answers = []
        for _ in range(5):
            noise = sum(dice.normal(0, 3.5) * np.cos(m * turn + dice.uniform(0, 6)) for m in range(1, 5))
            at = np.sort(dice.choice(200, 40, replace=False))
            answers.append(polygons.Polygons.of([(truth * ((radius + noise) / radius)[:, None])[at]]))
        merged = polygons.merge(answers, [polygons.Reliability()] * 5)
        alone.append(polygons.overlap(answers[0].rings[0], truth))
        together.append(polygons.overlap(merged.value.rings[0], truth))
    assert np.mean(together) > np.mean(alone) + 0.02


def blobs(dice: np.random.Generator, flips: tuple[float, ...]) -> tuple[np.ndarray, list[np.ndarray]]:
    """A disc, and labelers who draw it with another radius and place, each as far off as her number says."""
    rows, columns = np.mgrid[:48, :48]

    def disc(x: float, y: float, r: float) -> np.ndarray:
        return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < r**2)

    x, y, r = dice.uniform(18, 30), dice.uniform(18, 30), dice.uniform(8, 14)
    return disc(x, y, r), [disc(x + dice.normal(0, s), y + dice.normal(0, s), r + dice.normal(0, s)) for s in flips]


def test_masks_do_not_lose_to_the_majority_and_equal_labelers_are_the_majority() -> None:
    dice = np.random.default_rng(4)
    made = [blobs(dice, (1.0, 1.0, 3.0, 3.0, 3.0)) for _ in range(60)]
    tasks = {k: dict(enumerate(answers)) for k, (_, answers) in enumerate(made)}
    known = masks.refit(tasks)
    ours, majority = [], []
    for truth, answers in made:
        usual = masks.merge(answers, [masks.Reliability()] * 5).value
        assert np.array_equal(usual, np.sum(answers, axis=0) >= 3)
        majority.append(masks.similarity(usual, truth))
        ours.append(masks.similarity(masks.merge(answers, [known[k] for k in range(5)]).value, truth))
    assert np.mean(ours) > np.mean(majority)
    assert known[0].sensitivity > known[4].sensitivity


@quick
@given(st.data(), st.integers(1, 4))
def test_masks_keep_the_laws(data: st.DataObject, count: int) -> None:
    bits = st.lists(st.booleans(), min_size=12, max_size=12).map(lambda b: np.array(b).reshape(3, 4))
    labeler = st.builds(masks.Reliability, sensitivity=st.floats(0.5, 1), specificity=st.floats(0.5, 1))
    crew = data.draw(st.lists(st.tuples(bits, labeler), min_size=1, max_size=4))
    order = data.draw(st.permutations(range(len(crew))))
    one = masks.merge([a for a, _ in crew], [r for _, r in crew])
    two = masks.merge([crew[k][0] for k in order], [crew[k][1] for k in order])
    assert np.array_equal(one.value, two.value) and 0 <= one.confidence <= 1
    answer, known = crew[0]
    same = masks.merge([answer] * count, [known] * count)
    assert np.array_equal(same.value, answer) and same.scores == (1.0,) * count


@quick
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(0.01, 100))
def test_the_robust_mean_lies_within_and_is_deaf_to_one_of_many(values: list[float], scale: float) -> None:
    found = robust_mean(np.array(values)[:, None], np.ones(len(values)), np.array([scale]))[0]
    assert min(values) <= found <= max(values)
    crowd_of_one_mind = robust_mean(np.array([1.0, 1.0, 1.0, values[0]])[:, None], np.ones(4), np.array([scale]))
    assert crowd_of_one_mind[0] == 1.0

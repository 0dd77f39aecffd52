"""Votes to a verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.consensus import votes as consensus
from routing.task_types import categorization, imageannotation, lidarannotation
from routing.types import Vote

votes = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), min_size=1, max_size=7)


@given(votes, st.integers(2, 9))
def test_the_posterior_is_a_probability_and_ignores_the_order(
    given_votes: list[tuple[str, float]], classes: int
) -> None:
    labels = [label for label, _ in given_votes]
    classes = max(classes, len(set(labels)))
    accuracy = consensus.weights([Vote(f"{k}", {}, weight) for k, (_, weight) in enumerate(given_votes)])
    posterior = consensus.class_posterior(labels, accuracy, classes)
    assert posterior.keys() == set(labels)
    assert all(0 <= p <= 1 for p in posterior.values()) and sum(posterior.values()) <= 1 + 1e-9
    turned = consensus.class_posterior(labels[::-1], accuracy[::-1], classes)
    assert all(turned[label] == pytest.approx(p) for label, p in posterior.items())


def test_the_posterior_is_bayes_rule() -> None:
    """Two classes, voters of 0.8 and 0.6 disagreeing: 0.8 x 0.4 against 0.2 x 0.6."""
    posterior = consensus.class_posterior(["a", "b"], np.array([0.8, 0.6]), classes=2)
    assert posterior["a"] == pytest.approx(0.32 / 0.44) and posterior["b"] == pytest.approx(0.12 / 0.44)


def test_one_expert_outweighs_two_who_guess() -> None:
    votes = [Vote("x", {"category": "a"}, 0.55), Vote("y", {"category": "a"}, 0.55), Vote("e", {"category": "b"}, 0.98)]
    verdict = categorization.merge(votes)
    assert verdict.answer == {"category": "b"} and verdict.scores == {"x": 0, "y": 0, "e": 1}


def test_unanimous_voters_are_surer_together() -> None:
    one, three = ([Vote(f"{k}", {"category": "a"}, 0.8) for k in range(n)] for n in (1, 3))
    assert categorization.merge(three).confidence > categorization.merge(one).confidence


def test_of_several_categories_each_is_voted_on() -> None:
    sets = [["a", "b"], ["a"], ["a", "c"]]
    verdict = categorization.merge([Vote(f"{k}", {"category": one}, 0.8) for k, one in enumerate(sets)])
    assert verdict.answer == {"category": ["a"]}


def box(left: float, label: str = "car", box_id: str = "b") -> dict[str, object]:
    sides = {"left": left, "top": 0.0, "width": 100.0, "height": 50.0}
    return {"id": box_id, "type": "box", "label": label, "attributes": {}} | sides


def test_boxes_are_those_that_most_drew_at_the_middle_of_their_sides() -> None:
    drawn = [[box(0), box(500)], [box(2)], [box(90, "van"), box(4), box(501)]]
    verdict = imageannotation.merge([Vote(f"{k}", {"annotations": one}, 0.8) for k, one in enumerate(drawn)])
    kept = verdict.answer["annotations"]
    assert [b["left"] for b in kept] == pytest.approx([2.0, 500.5]) and {b["label"] for b in kept} == {"car"}
    assert min(verdict.scores, key=lambda labeler: verdict.scores[labeler]) == "1"


def track(x: float, *, frames: range = range(5), label: str = "car") -> dict[str, object]:
    cuboids = [
        {"frame": f, "position": [x + f, 0.0, 0.0], "dimensions": [4.0, 2.0, 1.5], "yaw": 0.0, "key": True}
        for f in frames
    ]
    return {"id": f"{x}", "label": label, "attributes": {}, "cuboids": cuboids}


def test_tracks_are_those_that_most_drew_placed_where_they_agree() -> None:
    drawn = [[track(0), track(50)], [track(0.2, label="van")], [track(1.8, frames=range(4)), track(90)]]
    verdict = lidarannotation.merge([Vote(f"{k}", {"tracks": one}, 0.8) for k, one in enumerate(drawn)])
    (kept,) = verdict.answer["tracks"]
    assert kept["label"] == "car"  # of the labels the one with most weight
    # The two who agree within their usual errors decide; who is far off hardly pulls.
    off = [c["position"][0] - c["frame"] for c in kept["cuboids"]]
    assert len(off) == 5 and all(0 < x < 0.2 for x in off)


def test_more_noise_means_less_agreement() -> None:
    truth = {"tracks": [track(0), track(50)]}
    scores = [lidarannotation.grade({"tracks": [track(d), track(50 + d)]}, truth) for d in (0, 0.1, 0.3, 0.8, 1.9, 2.5)]
    assert scores[0] == 1 and scores[-1] == 0
    assert scores == sorted(scores, reverse=True)


def test_missed_and_invented_tracks_cost_alike_and_a_wrong_label_half() -> None:
    truth = {"tracks": [track(0), track(50)]}
    missed = lidarannotation.grade({"tracks": [track(0)]}, truth)
    assert missed == pytest.approx(2 / 3)
    assert lidarannotation.grade({"tracks": [track(0), track(50), track(99), track(200)]}, truth) == pytest.approx(
        2 / 3
    )
    assert lidarannotation.grade({"tracks": [track(0), track(50, label="van")]}, truth) == pytest.approx(0.75)

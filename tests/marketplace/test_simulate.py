"""Simulated labelers: how well they draw, and what they refuse to work on."""

import numpy as np
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from marketplace import simulated_work
from marketplace.errors import WrongState
from marketplace.simulator import labeler as hand
from routing.task_types import TASK_TYPES
from routing.types import Answer, Window

PARAMS = {
    "lidarannotation": {"attachments": ["x"] * 10, "labels": ["Car", "Pedestrian"]},
    "imageannotation": {
        "attachment": "x",
        "geometries": {"box": {"objects_to_annotate": ["Car"], "min_width": 4, "min_height": 8}},
    },
    "categorization": {"attachment": "x", "categories": ["Weather", "Traffic"]},
}


def truth_of(task_type: str) -> Answer:
    if task_type == "categorization":
        return {"category": "Weather"}
    if task_type == "imageannotation":
        side = {"left": 10.0, "top": 20.0, "width": 5.0, "height": 9.0}
        return {"annotations": [{"id": "a", "type": "box", "label": "Car", "attributes": {}, **side}]}
    cuboids = [
        {"frame": k, "position": [k * 1.5, 2.0, 0.8], "dimensions": [4.4, 1.8, 1.5], "yaw": 3.1, "key": True}
        for k in range(10)
    ]
    return {"tracks": [{"id": "car", "label": "Car", "attributes": {}, "cuboids": cuboids}]}


@pytest.mark.parametrize("task_type", PARAMS)
@given(seed=st.integers(0, 2**32 - 1), noise=st.floats(0, 2))
def test_every_answer_is_one_that_a_labeler_could_give(task_type: str, seed: int, noise: float) -> None:
    kind = TASK_TYPES[task_type]
    params = kind.Params().load(PARAMS[task_type])
    window = Window(3, 7) if task_type == "lidarannotation" else None
    dice = np.random.default_rng(seed)
    answer = kind.Answer().load(hand.answer(task_type, truth_of(task_type), window, params, noise, dice))
    assert kind.check_answer(answer, params, window) == []


@pytest.mark.parametrize("task_type", PARAMS)
def test_without_noise_the_answer_is_the_truth(task_type: str) -> None:
    kind = TASK_TYPES[task_type]
    params = kind.Params().load(PARAMS[task_type])
    answer = hand.answer(task_type, truth_of(task_type), None, params, 0.0, np.random.default_rng(1))
    assert kind.grade(answer, truth_of(task_type)) == 1


@pytest.mark.parametrize("task_type", ["lidarannotation", "imageannotation"])
def test_more_noise_is_less_right(task_type: str) -> None:
    kind = TASK_TYPES[task_type]
    params = kind.Params().load(PARAMS[task_type])
    grades = [
        np.mean(
            [
                kind.grade(hand.answer(task_type, truth_of(task_type), None, params, noise, dice), truth_of(task_type))
                for dice in map(np.random.default_rng, range(30))
            ]
        )
        for noise in (0.02, 0.1, 0.4)
    ]
    assert grades == sorted(grades, reverse=True) and grades[0] > grades[-1] + 0.1


def test_outside_the_demo_world_nobody_is_simulated(app: Flask) -> None:
    with pytest.raises(WrongState, match="demo world is off"):
        simulated_work.work_through("drives", 2, noise_metres=0.1, seed=0)

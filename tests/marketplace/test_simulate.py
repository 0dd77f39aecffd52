"""Simulated labelers: how well they draw, and what they refuse to work on."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.serving import make_server

from marketplace import deliverables, demo, simulated_work
from marketplace.db import db, transaction
from marketplace.errors import WrongState
from marketplace.models import Task, TaskStatus
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


@pytest.fixture
def served(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application behind a real socket, in the demo world."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    settings = replace(app.config["SETTINGS"], demo=True, base_url=f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    monkeypatch.setattr(simulated_work, "PATIENCE_SECONDS", 0.2)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield app
    server.shutdown()


def test_simulated_labelers_work_through_a_project_over_http(served: Flask, run_jobs: Callable[[], None]) -> None:
    with transaction():
        customer = demo._open_accounts()
        demo._make_projects(customer)
        demo._submit_notes(customer, demo.NOTES[:4])
    run_jobs()
    first = simulated_work.work_through(demo.TEXTS, 2, noise_metres=0, seed=3)
    assert sum(first.values()) == 4, "one answer each is asked at first"
    run_jobs()
    second = simulated_work.work_through(demo.TEXTS, 2, noise_metres=0, seed=3)
    answers = {name: first[name] + second[name] for name in first}
    assert answers == {"Simulated 1": 4, "Simulated 2": 4}, "two answers each, and nobody twice"
    run_jobs()
    tasks = db.session.scalars(select(Task).order_by(Task.id)).all()
    assert [task.status for task in tasks] == [TaskStatus.COMPLETED] * 4
    categories = [deliverables.answer_of(task)["category"] for task in tasks]
    assert categories == [category for _, category in demo.NOTES[:4]]
    assert simulated_work.work_through(demo.TEXTS, 2, noise_metres=0, seed=3) == {"Simulated 1": 0, "Simulated 2": 0}


def test_outside_the_demo_world_nobody_is_simulated(app: Flask) -> None:
    with pytest.raises(WrongState, match="demo world is off"):
        simulated_work.work_through("drives", 2, noise_metres=0.1, seed=0)

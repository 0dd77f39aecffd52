"""Simulated labelers at work: they claim and answer over the labelers' API of the running marketplace, like anyone."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import requests
from sqlalchemy import select

from marketplace import auth, demo, people
from marketplace.auth import settings
from marketplace.db import db, transaction
from marketplace.errors import Conflict, NotFound
from marketplace.models import Labeler
from marketplace.simulator import labeler as hand
from routing.task_types import TASK_TYPES
from routing.types import Window

DOMAIN = "simulated.labelyard.example"
TIMEOUT_SECONDS = 60
CLAIMS_MAX = 100_000
WAITS_MAX = 20
PATIENCE_SECONDS = 3.0  # answers are resolved by jobs; more work may come out of them


@dataclass
class Hand:
    """One simulated labeler: a token for the API, and how steadily it draws."""

    name: str
    token: str
    noise_metres: float
    dice: np.random.Generator
    submitted: int = 0
    web: requests.Session = field(default_factory=requests.Session)


def work_through(project: str, labelers: int, *, noise_metres: float, seed: int) -> dict[str, int]:
    """Answer all that the project has to do; the number of answers by labeler. Only in the demo world."""
    demo.require_demo()
    with transaction():
        found = demo.project_named(project)
        if found is None:
            raise NotFound(f'There is no project "{project}".')
        if not found.simulated:
            raise Conflict(f'The project "{project}" is not simulated: nobody knows its true answers.', "project")
        project_id = found.id
        hands = [_hire(number, noise_metres, seed) for number in range(1, labelers + 1)]
    _work(hands, project_id)
    return {hand.name: hand.submitted for hand in hands}


def _hire(number: int, noise_metres: float, seed: int) -> Hand:
    """An account of its own for each, found again by the next run; its steadiness is around the one asked for."""
    email = f"hand-{number}@{DOMAIN}"
    dice = np.random.default_rng([seed, number])
    noise = noise_metres * float(dice.uniform(0.5, 1.5))
    labeler = db.session.scalar(select(Labeler).filter_by(email=email))
    if labeler is None:
        password = secrets.token_urlsafe(24)
        made = people.create_labeler(f"Simulated {number}", email=email, password=password, qualify=TASK_TYPES)
        return Hand(made.labeler.name, made.token, noise, dice)
    return Hand(labeler.name, auth.new_labeler_token(labeler), noise, dice)


def _work(hands: Sequence[Hand], project_id: str) -> None:
    """In turns, until nobody finds anything for a while."""
    idle_since = time.monotonic()
    for _ in range(CLAIMS_MAX):
        worked = [_work_one(one, project_id) for one in hands]
        if any(worked):
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > PATIENCE_SECONDS:
            return
        else:
            time.sleep(0.3)


def _work_one(one: Hand, project_id: str) -> bool:
    assignment = _call(one, "/claim", {"project": project_id})["assignment"]
    if assignment is None:
        return False
    subtask = assignment["subtask"]
    frames = subtask.get("window")
    window = Window(frames["start"], frames["stop"]) if frames else None
    truth = demo.truth_of(subtask["task_id"])
    answer = hand.answer(subtask["task_type"], truth, window, subtask["params"], one.noise_metres, one.dice)
    seconds = int(assignment["pay"]["expected_seconds"] * one.dice.uniform(0.6, 1.1))
    body = {"epoch": assignment["epoch"], "answer": answer, "active_seconds": seconds}
    _call(one, f"/assignments/{assignment['id']}/submit", body)
    one.submitted += 1
    return True


def _call(one: Hand, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST to the labelers' API; waits where it asks us to slow down."""
    url = f"{settings().base_url}/labeler{path}"
    headers = {"Authorization": f"Bearer {one.token}"}
    for _ in range(WAITS_MAX):
        try:
            answer = one.web.post(url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except requests.ConnectionError as error:
            raise Conflict(f"Nobody answers at {settings().base_url}: is `flask up --demo` running?") from error
        if answer.status_code == 429:
            time.sleep(float(answer.headers.get("Retry-After", 2)))
            continue
        if answer.status_code >= 300:
            raise Conflict(f"{path} was refused with {answer.status_code}: {answer.text[:300]}")
        return dict(answer.json())
    raise Conflict(f"{path} was refused again and again: too many requests.")

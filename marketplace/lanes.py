"""Lanes: the one of a project, which its first task or its rule makes, and the rule of who may claim from it."""

import re
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace.db import db
from marketplace.errors import InvalidInput
from marketplace.models import Lane, Project
from routing.qualification import PREFIXES, TRIAL_ANSWERS, least_answers

# What a customer says of who may work, as the API and the project's page name it.
RULE = ("requires", "countries", "exam", "accuracy_min", "trial_answers")
TRIAL_ANSWERS_MAX = 50
CREDENTIALS_MAX = 20
_CREDENTIAL = re.compile(r"[a-z]+:[a-z0-9][a-z0-9._-]{0,59}")
_OURS = ("exam",)  # that nobody asks for or grants by its name: the exam of a project is switched on


def checked_credential(word: str, field: str, *, prefixes: tuple[str, ...] = PREFIXES) -> str:
    """A credential in its one spelling; raises InvalidInput."""
    word = word.strip().lower()
    kinds = [one for one in prefixes if one not in _OURS]
    if not _CREDENTIAL.fullmatch(word) or word.partition(":")[0] not in kinds:
        known = ", ".join(f"{kind}:" for kind in kinds)
        message = f'"{word}" is no credential: it begins with one of {known} and goes on in a-z, 0-9, ., _ and -.'
        raise InvalidInput(message, field)
    return word


def lane_of(project_id: str, task_type: str, classes: int | None = None) -> Lane:
    """The lane of a project and task type; who asks first makes it. `classes`: of how many its newest work is one."""
    wanted = {"project_id": project_id, "task_type": task_type, "paused": False}
    db.session.execute(insert(Lane).values(wanted).on_conflict_do_nothing())
    lane = db.session.scalars(select(Lane).filter_by(project_id=project_id, task_type=task_type)).one()
    if classes is not None and lane.classes != classes:
        lane.classes = classes
    return lane


def set_rule(project: Project, given: dict[str, Any]) -> Lane:
    """Change what is given of `RULE`; the next claim asks it. Raises InvalidInput, and leaves the lane as it was."""
    lane = lane_of(project.id, project.task_type)
    db.session.refresh(lane, with_for_update=True)
    asks = [word for word in lane.requires if word != lane.exam]
    if "requires" in given:
        asks = _credentials(given["requires"] or [])
    has_exam = given["exam"] if given.get("exam") is not None else lane.exam in lane.requires
    countries = _countries(given["countries"] or []) if "countries" in given else lane.countries
    accuracy_min = given.get("accuracy_min", lane.accuracy_min)
    answers = given.get("trial_answers", None if "accuracy_min" in given else lane.trial_answers)
    answers = _trial_answers(accuracy_min, answers)
    lane.requires, lane.countries = [*asks, *([lane.exam] if has_exam else [])], countries
    lane.accuracy_min, lane.trial_answers = accuracy_min, answers
    db.session.flush()
    db.session.expire(project, ["lanes"])
    return lane


def _credentials(words: list[str]) -> list[str]:
    if len(words) > CREDENTIALS_MAX:
        raise InvalidInput(f"At most {CREDENTIALS_MAX} credentials can be asked for.", "requires")
    return sorted({checked_credential(word, "requires") for word in words})


def _countries(words: list[str]) -> list[str]:
    codes = sorted({word.strip().upper() for word in words})
    wrong = [code for code in codes if not re.fullmatch(r"[A-Z]{2}", code)]
    if wrong:
        raise InvalidInput(f'"{wrong[0]}" is no country code; two letters, as FR.', "countries")
    return codes


def usual_trial_answers(accuracy_min: float | None) -> int:
    """How long a trial is where nobody says otherwise."""
    return max(TRIAL_ANSWERS, 1 if accuracy_min is None else least_answers(accuracy_min))


def _trial_answers(accuracy_min: float | None, answers: int | None) -> int:
    """As many as were given, or the usual; refused where not even right answers alone could be enough."""
    least = 1 if accuracy_min is None else least_answers(accuracy_min)
    if least > TRIAL_ANSWERS_MAX:
        raise InvalidInput(f"Nobody could show this in {TRIAL_ANSWERS_MAX} answers; ask for less.", "accuracy_min")
    if answers is None:
        return usual_trial_answers(accuracy_min)
    if answers < least:
        raise InvalidInput(
            f"An accuracy that is surely {accuracy_min:.0%} takes {least} answers to show, all of them right.",
            "trial_answers",
        )
    return answers

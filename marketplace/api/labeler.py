"""/labeler: claim work, keep it, answer it, and see what became of it; for the workbench and for anyone's own tool."""

from dataclasses import asdict
from functools import cache
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from sqlalchemy import select

from marketplace import accuracy_steps, held, openings, trials
from marketplace.api.body import read_object
from marketplace.api.payload import assignment_payload, assignment_summary, moment
from marketplace.auth import current_labeler, current_labeler_id
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import LeaseLost, NotFound, status_of
from marketplace.models import AccuracyStep, Assignment, AssignmentState, Lane, Project, Subtask
from marketplace.openings import NoWork, Offer
from marketplace.pipeline import dispatch, review, submit
from marketplace.reports import earnings as money
from marketplace.reports import measured
from marketplace.reports.measured import Line
from marketplace.schemas.labeler import Appeal, AssignmentQuery, ClaimWish, Progress, Skip, TrialWish, Work
from marketplace.schemas.shape import read
from marketplace.trials import Chance
from routing.qualification import Resolved
from routing.task_types import TASK_TYPES

blueprint = Blueprint("labeler_api", __name__, url_prefix="/labeler")

KEPT = (
    "Your lease had ended, and somebody else works on this now. Your answer is kept: "
    "it counts, and is paid, if they do not finish."
)


def _body(kind: type[Schema]) -> dict[str, Any]:
    schema = _made(kind)
    return read(schema, read_object(schema))


@cache
def _made(kind: type[Schema]) -> Schema:
    """Schemas are made once: to make one takes longer than to read a claim with it."""
    return kind()


@blueprint.post("/claim")
def claim() -> ResponseReturnValue:
    """Claim the best match of what is open to you.

    `types` and `project` (a name or an id) narrow it. Who holds something gets that again. The answer is
    `{assignment, reason}`: without an assignment the reason's `code`, `text` and `until` say why, and `closed` lists
    the work that is there but not open to you, each with what is `unmet`.
    """
    wish = _body(ClaimWish)
    claimed = dispatch.claim_next(current_labeler_id(), types=wish.get("types"), project_id=wish.get("project"))
    assignment = None if claimed.held is None else assignment_payload(claimed.held)
    return jsonify(assignment=assignment, reason=_reason(claimed.reason))


def _reason(reason: NoWork | None) -> dict[str, Any] | None:
    if reason is None:
        return None
    closed = [
        {"lane": one.lane_id, "project": one.project, "task_type": one.task_type, **_access(one.resolved)}
        for one in reason.closed
    ]
    return {"code": reason.code, "text": reason.text, "until": moment(reason.until), "closed": closed}


def _access(resolved: Resolved) -> dict[str, Any]:
    return {"access": resolved.access.value, "unmet": [asdict(one) for one in resolved.unmet]}


# What there is, and trials


@blueprint.get("/work")
def work() -> ResponseReturnValue:
    """What work waits, open to you or not.

    Each lane has `access` (open, trial, closed) and what is `unmet` in numbers and words. Where a trial or exam would
    show what is missing, `trial` has its length, effort and pay, or why it cannot be begun now and when it can.
    `trials` are your newest ones.
    """
    labeler = current_labeler()
    offers = openings.offers(labeler)
    chances = trials.chances(labeler.id, [one.lane for one in offers if not one.qualified], utc_now())
    return jsonify(
        work=[_offer(one, chances.get(one.lane)) for one in offers],
        trials=[_trial(one) for one in trials.recent(labeler.id)],
    )


def _offer(one: Offer, chance: Chance | None) -> dict[str, Any]:
    return {
        "lane": one.lane,
        "project": one.project_name,
        "task_type": one.task_type,
        "pay": {"amount_cents": one.pay_cents, "hourly_cents": one.hourly_cents, "currency": "USD"},
        "expected_seconds": one.effort_seconds,
        "open": one.open,
        "trial": None if chance is None else _chance(chance),
        **_access(one.resolved),
    }


def _chance(chance: Chance) -> dict[str, Any]:
    if chance.terms is None:
        refusal = chance.refusal
        assert refusal is not None, "who may not begin is told why"
        return {"code": refusal.code, "text": refusal.text, "retry_at": moment(refusal.retry_at)}
    return {
        "answers": chance.terms.answers,
        "gives": list(chance.terms.gives),
        "expected_seconds": chance.effort_seconds,
        "pay_cents": chance.pay_cents,
    }


def _trial(one: trials.Progress) -> dict[str, Any]:
    trial = one.trial
    return {
        "id": trial.id,
        "lane": trial.lane_id,
        "project": one.project,
        "state": trial.state.value,
        "answers": trial.answers,
        "given": one.given,
        "grade": trial.grade,
        "retry_at": moment(trial.retry_at),
    }


@blueprint.post("/trials")
def begin_trial() -> ResponseReturnValue:
    """Begin the trial or exam of a `lane`, as `GET /labeler/work` offers it; your claims then give its subtasks.

    A refusal (409) says why. One trial at a time.
    """
    trial = trials.begin(current_labeler(), _body(TrialWish)["lane"], utc_now())
    return jsonify(id=trial.id, lane=trial.lane_id, answers=trial.answers, gives=list(trial.gives))


@blueprint.post("/trials/stop")
def stop_trial() -> ResponseReturnValue:
    """Give up the trial that you are in; what you answered is paid. Once an answer is graded it counts as a try."""
    trials.stop(current_labeler(), utc_now())
    return jsonify(trials=[_trial(one) for one in trials.recent(current_labeler().id)])


@blueprint.get("/assignments")
def assignments() -> ResponseReturnValue:
    """Your assignments, newest first.

    `state` narrows them, `limit` (to 200) bounds them, `before` takes the last id of the page before.
    """
    query = read(AssignmentQuery(), request.args.to_dict())
    columns: list[Any] = [Assignment, Lane.task_type, Project.name]
    own = (
        select(*columns)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .join(Project, Project.id == Lane.project_id)
        .where(Assignment.labeler_id == current_labeler().id)
    )
    if "state" in query:
        own = own.where(Assignment.state == AssignmentState(query["state"]))
    if "before" in query:
        own = own.where(Assignment.id < query["before"])
    rows = db.session.execute(own.order_by(Assignment.id.desc()).limit(query["limit"]))
    return jsonify(assignments=[assignment_summary(one, kind, project, "USD") for one, kind, project in rows])


@blueprint.get("/assignments/<assignment_id>")
def assignment(assignment_id: str) -> ResponseReturnValue:
    """One of your assignments with its subtask and its draft."""
    return _answer(assignment_id)


def _answer(assignment_id: str) -> ResponseReturnValue:
    return jsonify(assignment=assignment_payload(held.own(current_labeler_id(), assignment_id)))


@blueprint.post("/assignments/<assignment_id>/heartbeat")
def heartbeat(assignment_id: str) -> ResponseReturnValue:
    """Extend the lease; send it about every 30 seconds of work."""
    progress = _body(Progress)
    beaten = dispatch.heartbeat(current_labeler(), assignment_id, progress["epoch"], progress["active_seconds"])
    return jsonify(lease_expires_at=moment(beaten.lease_expires_at))


@blueprint.put("/assignments/<assignment_id>/draft")
def draft(assignment_id: str) -> ResponseReturnValue:
    """Keep unfinished work on the server; it is offered back first if the lease runs out."""
    work = _body(Work)
    labeler = current_labeler()
    saved = submit.save_draft(labeler, assignment_id, work["epoch"], work["answer"], work["active_seconds"])
    return jsonify(saved_at=moment(saved.draft_saved_at))


@blueprint.post("/assignments/<assignment_id>/submit")
def submit_answer(assignment_id: str) -> ResponseReturnValue:
    """Submit the answer; repeating a submit changes nothing.

    A refusal names the field at fault. After the end of the lease it is still taken while the subtask wants an answer;
    while others hold all of its slots it is kept, and the reply is a 409 that says so.
    """
    work = _body(Work)
    labeler = current_labeler()
    taken = submit.submit_answer(labeler, assignment_id, work["epoch"], work["answer"], work["active_seconds"])
    if taken.state is AssignmentState.EXPIRED:  # answered, not raised: what was kept must be committed
        status = status_of(LeaseLost(KEPT))
        return jsonify(status_code=status, error=KEPT), status
    return _answer(assignment_id)


@blueprint.post("/assignments/<assignment_id>/skip")
def skip(assignment_id: str) -> ResponseReturnValue:
    """Give a subtask back with a reason; you will not get it again."""
    why = _body(Skip)
    dispatch.skip(current_labeler(), assignment_id, why["epoch"], why["reason"])
    return _answer(assignment_id)


@blueprint.post("/assignments/<assignment_id>/appeal")
def appeal(assignment_id: str) -> ResponseReturnValue:
    """Object to a rejection, once; somebody other than who rejected decides."""
    review.appeal(current_labeler(), assignment_id, _body(Appeal)["text"])
    return _answer(assignment_id)


@blueprint.get("/earnings")
def earnings() -> ResponseReturnValue:
    """Where your money stands, in cents, and when what is held is released."""
    labeler = current_labeler()
    standing = money.standing(labeler.id)
    return jsonify(
        currency="USD",
        held_cents=standing.held_cents,
        available_cents=standing.available_cents,
        in_transit_cents=standing.in_transit_cents,
        paid_cents=standing.paid_cents,
        next_release_at=moment(standing.next_release_at),
        releases=[
            {"day": one.day.isoformat(), "answers": one.answers, "amount_cents": one.amount_cents}
            for one in money.releases(labeler.id)
        ],
    )


@blueprint.get("/accuracy")
def accuracy() -> ResponseReturnValue:
    """How accurate you are measured to be, by kind of work: each facet with its 90 % interval and its evidence.

    Rates lie in 0 to 1; a facet that ends in _m, _deg, _px or _rel is the typical error in that unit. It moves on after
    every ten decided answers of a kind.
    """
    found = accuracy_steps.steps_of(current_labeler().id)
    return jsonify(
        task_types=[
            {
                "task_type": task_type,
                "as_of": moment(steps[-1].at),
                "answers": steps[-1].answers,
                "facets": [_facet(one) for one in measured.read(steps[-1].measured).lines],
                "history": [_past_step(step) for step in steps],
            }
            for task_type, steps in found.items()
        ]
    )


def _facet(line: Line) -> dict[str, Any]:
    known = line.estimate
    return {
        "facet": line.facet,
        "mean": round(known.mean, 4),
        "low": round(known.low, 4),
        "high": round(known.high, 4),
        "evidence": round(line.evidence, 1),
        "is_measured": known.is_measured,
        "text": line.sentence,
    }


def _past_step(step: AccuracyStep) -> dict[str, Any]:
    whole = _facet(measured.read(step.measured).accuracy)
    return {
        "as_of": moment(step.at),
        "answers": step.answers,
        **{name: whole[name] for name in ("mean", "low", "high")},
    }


@blueprint.get("/task-types/<task_type>/schema")
def schema(task_type: str) -> ResponseReturnValue:
    """The JSON Schema of a task type's answer."""
    if task_type not in TASK_TYPES:
        raise NotFound(f"There is no task type {task_type}.")
    return jsonify(TASK_TYPES[task_type].answer_json_schema())

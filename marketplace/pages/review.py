"""Reviewers' pages: answers that disagree, side by side, and labelers' appeals."""

import json
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import blocks
from marketplace.api.payload import subtask_payload
from marketplace.auth import current_user
from marketplace.errors import Forbidden, InvalidInput, LabelyardError, WrongState
from marketplace.models import AssignmentState, ReviewDecision, Role
from marketplace.pipeline import gold, review
from marketplace.pipeline.gold import Ruling
from marketplace.reports import reviews as found_in
from marketplace.reports.accuracy import Accuracy, accuracies
from marketplace.reports.answers import compare
from marketplace.reports.explanations import why_in_review

blueprint = Blueprint("review", __name__)
LIMIT = 100
FIELDS = {"reason", "answer", "decision", "assignment_id", "block_reason", "ruling"}


@blueprint.get("/reviews")
def reviews() -> ResponseReturnValue:
    rows = found_in.described(review.waiting(LIMIT))
    return render_template("review/reviews.html", rows=rows, limit=LIMIT)


@blueprint.get("/reviews/<subtask_id>")
def subtask(subtask_id: str) -> ResponseReturnValue:
    return _subtask_page(subtask_id)


def _subtask_page(
    subtask_id: str, values: dict[str, str] | None = None, error: LabelyardError | None = None
) -> ResponseReturnValue:
    row = found_in.find_subtask(subtask_id)
    measured = accuracies(one.labeler_id for one in row.assignments)
    waiting = [one for one in row.assignments if one.state is AssignmentState.SUBMITTED]
    page = render_template(
        "review/subtask.html",
        row=row,
        comparison=compare(row.task_type, row.assignments),
        accuracy={labeler_id: _of_type(found, row.task_type) for labeler_id, found in measured.items()},
        choices=[(one.id, f"{row.assignments.index(one) + 1}. {one.labeler.name}") for one in waiting],
        points=found_in.points_in(row.subtask),
        shown=found_in.shown_in(row.subtask),
        may_block=current_user().role is Role.OPERATOR,
        past=found_in.reviews_of_subtask(subtask_id),
        why=why_in_review(subtask_id, row.assignments),
        truth=json.dumps(row.subtask.truth, indent=1, ensure_ascii=False) if row.subtask.gold else "",
        values=values or {},
        errors={_field(error): error.message} if error else {},
    )
    return page, 400 if error else 200


def _field(error: LabelyardError) -> str:
    """The form's field at fault; what concerns no field there stands above the page."""
    word = (error.field or "").partition(".")[0]
    return word if word in FIELDS else "form"


def _of_type(measured: list[Accuracy], task_type: str) -> Accuracy | None:
    return next((one for one in measured if one.task_type == task_type), None)


@blueprint.post("/reviews/<subtask_id>")
def decide(subtask_id: str) -> ResponseReturnValue:
    values = request.form.to_dict()
    try:
        decision = _decision(values.get("decision", ""))
        review.decide(
            current_user(),
            subtask_id,
            decision,
            assignment_id=values.get("assignment_id", ""),
            reason=values.get("reason", ""),
            answer=_answer(values.get("answer", "")) if decision is ReviewDecision.FIXED else None,
        )
    except (InvalidInput, WrongState, Forbidden) as error:
        return _subtask_page(subtask_id, values, error)
    flash(f"The answer is {decision.value}.")
    return redirect(url_for("review.reviews"))


@blueprint.post("/reviews/<subtask_id>/gold")
def decide_gold(subtask_id: str) -> ResponseReturnValue:
    values = request.form.to_dict()
    try:
        ruling = _ruling(values.get("ruling", ""))
        answer = _answer(values.get("answer", "")) if ruling is Ruling.CORRECTED else None
        gold.decide(current_user(), subtask_id, ruling, reason=values.get("reason", ""), answer=answer)
    except (InvalidInput, WrongState, Forbidden) as error:
        return _subtask_page(subtask_id, values, error)
    flash(
        {"stands": "The gold stands.", "corrected": "The gold is corrected.", "retired": "The gold is retired."}[ruling]
    )
    return redirect(url_for("review.reviews"))


RULED = {
    Ruling.STANDS: "The gold stands, and is given again.",
    Ruling.CORRECTED: "The gold is corrected, and its answers are graded anew.",
    Ruling.RETIRED: "The gold is retired.",
}


def _ruling(word: str) -> Ruling:
    if word not in set(Ruling):
        raise InvalidInput("Please choose what becomes of the gold.", "ruling")
    return Ruling(word)


# The answers in the workbench: to look at, not to change


@blueprint.get("/reviews/<subtask_id>/answers")
def answers(subtask_id: str) -> ResponseReturnValue:
    row = found_in.find_subtask(subtask_id)
    return render_template("review/answers.html", row=row)


@blueprint.get("/reviews/<subtask_id>/answers.json")
def answers_data(subtask_id: str) -> ResponseReturnValue:
    row = found_in.find_subtask(subtask_id)
    return jsonify(subtask=subtask_payload(subtask_id), layers=found_in.layers_of(row))


@blueprint.post("/reviews/<subtask_id>/block")
def block(subtask_id: str) -> ResponseReturnValue:
    """An operator keeps a labeler from this customer's further work, as the customer could herself."""
    by, row = current_user(), found_in.find_subtask(subtask_id)
    if by.role is not Role.OPERATOR:
        raise Forbidden("Operators, and the customer, decide who works for a customer.")
    values = request.form.to_dict()
    customer, labeler_id = row.subtask.task.customer, values.get("labeler_id", "")
    try:
        blocks.block(customer, labeler_id, values.get("block_reason", ""), actor_id=by.id)
    except InvalidInput as error:
        return _subtask_page(subtask_id, values, InvalidInput(error.message, "block_reason"))
    flash(f"{customer.name}'s work is closed to this labeler from now on.")
    return redirect(url_for("review.subtask", subtask_id=subtask_id))


def _decision(word: str) -> ReviewDecision:
    if word not in set(ReviewDecision):
        raise InvalidInput("Please choose what becomes of the answer.", "decision")
    return ReviewDecision(word)


def _answer(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"This is not JSON: {error}.", "answer") from error
    if not isinstance(answer, dict):
        raise InvalidInput("An answer is a JSON object.", "answer")
    return answer


# Appeals


@blueprint.get("/appeals")
def appeals() -> ResponseReturnValue:
    return _appeals_page()


def _appeals_page(values: dict[str, str] | None = None, error: str | None = None) -> ResponseReturnValue:
    rows = [(one, found_in.find_subtask(one.subtask_id)) for one in review.appeals(LIMIT)]
    page = render_template("review/appeals.html", rows=rows, values=values or {}, error=error)
    return page, 400 if error else 200


@blueprint.post("/appeals/<assignment_id>/<any(accept, reject):what>")
def decide_appeal(assignment_id: str, what: str) -> ResponseReturnValue:
    reason = request.form.get("reason", "")
    try:
        review.decide_appeal(current_user(), assignment_id, what == "accept", reason)
    except (InvalidInput, Forbidden) as error:
        return _appeals_page({"assignment_id": assignment_id, "reason": reason}, error.message)
    flash("The answer is accepted and paid." if what == "accept" else "The rejection stands.")
    return redirect(url_for("review.appeals"))

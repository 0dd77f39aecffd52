"""Operators' pages: the yard at a glance, its lanes, and the labelers."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import decisions, openings, trials
from marketplace.auth import current_user
from marketplace.clock import utc_now
from marketplace.errors import InvalidInput
from marketplace.models import Labeler
from marketplace.pages import accuracy, subtasks, tables
from marketplace.reports import labelers as people
from marketplace.reports import queues as yard
from marketplace.reports import work as done
from marketplace.reports.accuracy import Accuracy, accuracy_of
from marketplace.reports.labelers import LabelerRow
from marketplace.reports.listing import Wish
from marketplace.reports.queues import Hour, LaneRow
from marketplace.words import duration
from routing.task_types import TASK_TYPES

blueprint = Blueprint("operator", __name__, url_prefix="/operator")
blueprint.register_blueprint(subtasks.blueprint)
blueprint.register_blueprint(accuracy.of_operator)


@blueprint.get("")
def overview() -> ResponseReturnValue:
    now = utc_now()
    return render_template(
        "operator/overview.html",
        lanes=yard.lanes(),
        attention=yard.attention(),
        requests=people.pending_requests() | people.pending_credentials(),
        trouble=yard.tasks_in_trouble(now),
        chart=_answers_chart(yard.answers_by_hour(now)),
        now=now,
    )


def _answers_chart(hours: list[Hour]) -> dict[str, object]:
    return {
        "x": {"label": "hour", "kind": "time", "values": [int(hour.start.timestamp()) for hour in hours]},
        "y": {"label": "answers an hour", "zero": True},
        "series": [
            {"label": "submitted", "kind": "bars", "values": [hour.submitted for hour in hours]},
            {"label": "of these accepted", "kind": "points", "values": [hour.accepted for hour in hours]},
        ],
    }


# Queues


@blueprint.get("/queues")
def queues() -> ResponseReturnValue:
    rows, now = yard.lanes(), utc_now()
    rows = _sorted_lanes(rows, tables.wish().sort, now)
    if tables.wants_csv():
        return tables.csv_answer("queues", LANE_COLUMNS, rows)
    return render_template("operator/queues.html", lanes=rows, now=now)


def _sorted_lanes(rows: list[LaneRow], sort: str, now: datetime) -> list[LaneRow]:
    keys = {
        "project": lambda row: row.project.lower(),
        "customer": lambda row: row.customer.lower(),
        "open": lambda row: row.open,
        "leased": lambda row: row.leased,
        "done": lambda row: row.done,
        "oldest": lambda row: now - row.oldest_at if row.oldest_at else now - now,
    }
    key = keys.get(sort.lstrip("-"))
    return sorted(rows, key=key, reverse=sort.startswith("-")) if key else rows


LANE_COLUMNS: tables.Columns[LaneRow] = [
    ("lane", lambda row: row.lane.id),
    ("project", lambda row: row.project),
    ("customer", lambda row: row.customer),
    ("task_type", lambda row: row.lane.task_type),
    ("open", lambda row: row.open),
    ("leased", lambda row: row.leased),
    ("done", lambda row: row.done),
    ("in_review", lambda row: row.in_review),
    ("oldest_open_since", lambda row: row.oldest_at),
    ("paused", lambda row: "yes" if row.lane.paused else "no"),
]


@blueprint.post("/queues/<int:lane_id>/<any(pause, resume):what>")
def pause(lane_id: int, what: str) -> ResponseReturnValue:
    lane = decisions.pause(current_user(), lane_id, paused=what == "pause")
    words = "is paused: it gives nothing out until it is resumed." if lane.paused else "gives out work again."
    flash(f"The lane of {lane.project.name} {words}")
    return redirect(url_for("operator.queues"))


# Labelers


@blueprint.get("/labelers")
def labelers() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()
    found = people.labelers(tables.wish(), state=request.args.get("state"), words=words)
    if tables.wants_csv():
        return tables.csv_answer("labelers", LABELER_COLUMNS, found.rows)
    return render_template(
        "operator/labelers.html",
        found=found,
        words=words,
        requests=people.pending_requests() | people.pending_credentials(),
        attention=yard.attention(),
    )


def _in_words(row: LabelerRow) -> str:
    return "; ".join(f"{a.task_type} {a.mean:.3f} ({a.low:.3f} to {a.high:.3f})" for a in row.accuracy)


LABELER_COLUMNS: tables.Columns[LabelerRow] = [
    ("labeler_id", lambda row: row.labeler.id),
    ("name", lambda row: row.labeler.name),
    ("email", lambda row: row.labeler.email),
    ("state", lambda row: row.state.value),
    ("qualified", lambda row: " ".join(row.qualified)),
    ("requested", lambda row: " ".join(row.requested)),
    ("accuracy", _in_words),
    ("accepted", lambda row: row.accepted),
    ("rejected", lambda row: row.rejected),
    ("last_submitted_at", lambda row: row.last_submitted_at),
]


@blueprint.get("/labelers/<labeler_id>")
def labeler(labeler_id: str) -> ResponseReturnValue:
    return _labeler_page(people.find_labeler(labeler_id))


def _labeler_page(
    labeler: Labeler, values: dict[str, str] | None = None, error: InvalidInput | None = None
) -> ResponseReturnValue:
    measured, work = accuracy_of(labeler.id), openings.offers(labeler)
    closed = [one.lane for one in work if not one.qualified]
    page = render_template(
        "operator/labeler.html",
        labeler=labeler,
        restricted=people.is_restricted(labeler, utc_now()),
        accuracy={one.task_type: one for one in measured},
        chart=_accuracy_chart(measured) if measured else None,
        qualified=done.qualified_types(labeler.id),
        requested=people.pending_requests().get(labeler.id, []),
        task_types=list(TASK_TYPES),
        asked_credentials=people.pending_credentials().get(labeler.id, []),
        work=work,
        chances=trials.chances(labeler.id, closed, utc_now()),
        blocks=people.blocks_on(labeler.id),
        totals=done.totals_of(labeler.id),
        recent=done.history(labeler.id, Wish(), None).rows[:15],
        decisions=people.decisions_on(labeler.id),
        values=values or {},
        errors={error.field: error.message} if error else {},
    )
    return page, 400 if error else 200


def _accuracy_chart(measured: list[Accuracy]) -> dict[str, object]:
    return {
        "x": {"label": "task type", "kind": "name", "values": [one.task_type for one in measured]},
        "y": {"label": "accuracy with its 90% interval", "zero": True},
        "series": [
            {
                "label": "accuracy",
                "kind": "points",
                "values": [one.mean for one in measured],
                "low": [one.low for one in measured],
                "high": [one.high for one in measured],
            }
        ],
    }


@blueprint.post("/labelers/<labeler_id>/restrict")
def restrict(labeler_id: str) -> ResponseReturnValue:
    labeler, now = people.find_labeler(labeler_id), utc_now()
    try:
        until = _until(request.form.get("until", ""))
        decisions.restrict(current_user(), labeler, request.form.get("reason", ""), until, now)
    except InvalidInput as error:
        return _labeler_page(labeler, request.form.to_dict(), error)
    span = f" for {duration((until - now).total_seconds())}" if until else " until it is lifted"
    flash(f"{labeler.name} claims nothing new{span}.")
    return redirect(url_for("operator.labeler", labeler_id=labeler.id))


def _until(text: str) -> datetime | None:
    """The browser's `datetime-local`, read as UTC, as the label says."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput("Please give a date and a time, as 2027-01-31 18:00.", "until") from error


@blueprint.post("/labelers/<labeler_id>/lift")
def lift(labeler_id: str) -> ResponseReturnValue:
    labeler = people.find_labeler(labeler_id)
    decisions.lift(current_user(), labeler)
    flash(f"{labeler.name} may claim again.")
    return redirect(url_for("operator.labeler", labeler_id=labeler.id))


@blueprint.post("/labelers/<labeler_id>/qualifications/<task_type>/<any(grant, decline, revoke):what>")
def qualification(labeler_id: str, task_type: str, what: str) -> ResponseReturnValue:
    labeler, by = people.find_labeler(labeler_id), current_user()
    reason = request.form.get("reason", "")
    try:
        if what == "grant":
            decisions.grant(by, labeler, task_type)
        elif what == "decline":
            decisions.decline(by, labeler, task_type, reason)
        else:
            decisions.revoke(by, labeler, task_type, reason)
    except InvalidInput as error:
        wrong = InvalidInput(error.message, f"{task_type}.{error.field}")
        return _labeler_page(labeler, {f"{task_type}.reason": reason}, wrong)
    flash(f"{labeler.name}: {task_type} {'granted' if what == 'grant' else what + 'd'}.")
    return redirect(url_for("operator.labeler", labeler_id=labeler.id))


@blueprint.post("/labelers/<labeler_id>/credentials/<any(grant, decline, revoke):what>")
def credential(labeler_id: str, what: str) -> ResponseReturnValue:
    labeler, by = people.find_labeler(labeler_id), current_user()
    word, reason = request.form.get("credential", ""), request.form.get("reason", "")
    try:
        if what == "grant":
            decisions.grant_credential(by, labeler, word)
        elif what == "decline":
            decisions.decline_credential(by, labeler, word, reason)
        else:
            decisions.revoke_credential(by, labeler, word, reason)
    except InvalidInput as error:
        field = "credential" if error.field == "credential" else f"{word}.reason"
        values = {"credential": word if field == "credential" else "", f"{word}.reason": reason}
        return _labeler_page(labeler, values, InvalidInput(error.message, field))
    done = {"grant": "given", "decline": "declined", "revoke": "taken back"}[what]
    flash(f"{labeler.name}: {word.strip().lower()} {done}.")
    return redirect(url_for("operator.labeler", labeler_id=labeler.id))


@blueprint.post("/labelers/<labeler_id>/country")
def country(labeler_id: str) -> ResponseReturnValue:
    labeler, given = people.find_labeler(labeler_id), request.form.get("country", "")
    try:
        decisions.set_country(current_user(), labeler, given)
    except InvalidInput as error:
        return _labeler_page(labeler, {"country": given}, error)
    flash(f"{labeler.name} lives in {labeler.country}.")
    return redirect(url_for("operator.labeler", labeler_id=labeler.id))

"""Labelers' pages: what work there is, the workbench, what was done, what was earned."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import accuracy_steps, decisions, openings, trials
from marketplace.app import manages_transactions
from marketplace.auth import current_labeler, current_user, settings
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import Conflict, LabelyardError, NotFound, WrongState
from marketplace.explain.own_work import why_ended, why_seen
from marketplace.models import AssignmentState, Lane, TrialState
from marketplace.pages import accuracy, tables
from marketplace.pipeline import dispatch, review, settle
from marketplace.reports import earnings as money
from marketplace.reports import labelers as people
from marketplace.reports import work as done
from marketplace.reports.earnings import Movement
from marketplace.reports.work import Work
from payouts.accounts import link_account
from payouts.rail import RailDown
from routing.task_types import TASK_TYPES
from routing.trials import ATTEMPTS_MAX, RETRY_AFTER

blueprint = Blueprint("labeler", __name__)
blueprint.register_blueprint(accuracy.of_labeler)


@blueprint.get("/work")
def work() -> ResponseReturnValue:
    labeler, now = current_labeler(), utc_now()
    qualified = done.qualified_types(labeler.id)
    offers = sorted(openings.offers(labeler), key=lambda offer: (not offer.qualified, -offer.hourly_cents))
    tried = trials.recent(labeler.id)
    return render_template(
        "labeler/work.html",
        labeler=labeler,
        restricted=people.is_restricted(labeler, now),
        held=done.open_work(labeler.id),
        offers=offers,
        chances=trials.chances(labeler.id, [one.lane for one in offers if not one.qualified], now),
        trying=next((one for one in tried if one.trial.state is TrialState.OPEN), None),
        tried=next((one for one in tried if one.is_news(now)), None),
        attempts_max=ATTEMPTS_MAX,
        retry_days=RETRY_AFTER.days,
        accuracy=accuracy_steps.shown_to(labeler.id),
        qualified=qualified,
        missing=[name for name in TASK_TYPES if name not in qualified],
        requested=people.pending_requests().get(labeler.id, []),
        asked_credentials=people.pending_credentials().get(labeler.id, []),
    )


@blueprint.post("/work/claim")
def claim() -> ResponseReturnValue:
    """Claim what the button names: a project's work, a task type, or, without either, the best match of all."""
    task_type, project_id = request.form.get("task_type"), request.form.get("project_id")
    claimed = dispatch.claim_next(
        current_labeler().id, types=[task_type] if task_type else None, project_id=project_id or None
    )
    if claimed.held is None:
        assert claimed.reason is not None
        flash(claimed.reason.text, "warn")
        return redirect(url_for("labeler.work"))
    return redirect(url_for("labeler.workbench", assignment_id=claimed.held.id))


@blueprint.post("/work/trials")
def begin_trial() -> ResponseReturnValue:
    """Begin a lane's trial or exam, and lead to its first subtask."""
    try:
        trial = trials.begin(current_labeler(), request.form.get("lane", type=int) or 0, utc_now())
    except (Conflict, NotFound) as error:
        flash(error.message, "warn")
        return redirect(url_for("labeler.work"))
    project_id = db.session.get_one(Lane, trial.lane_id).project_id
    held = dispatch.claim_next(current_labeler().id, project_id=project_id).held
    if held is None:
        return redirect(url_for("labeler.work"))
    return redirect(url_for("labeler.workbench", assignment_id=held.id))


@blueprint.post("/work/trials/stop")
def stop_trial() -> ResponseReturnValue:
    trials.stop(current_labeler(), utc_now())
    flash("The trial is stopped. What you answered is paid.")
    return redirect(url_for("labeler.work"))


@blueprint.post("/work/request")
def request_qualification() -> ResponseReturnValue:
    """Ask an operator for a kind of work, or for a credential that a project requires."""
    by, labeler, credential = current_user(), current_labeler(), request.form.get("credential")
    if credential:
        decisions.request_credential(by, labeler, credential)
    else:
        decisions.request_qualification(by, labeler, request.form.get("task_type", ""))
    flash("An operator has your request. This page will show the work once you are qualified.")
    return redirect(url_for("labeler.work"))


@blueprint.get("/assignments/<assignment_id>")
def workbench(assignment_id: str) -> ResponseReturnValue:
    assignment = dispatch.own_assignment(current_labeler(), assignment_id)
    return render_template("workbench/assignment.html", assignment=assignment)


# History


@blueprint.get("/history")
def history() -> ResponseReturnValue:
    labeler = current_labeler()
    found = done.history(labeler.id, tables.wish(), tables.chosen(AssignmentState))
    if tables.wants_csv():
        return tables.csv_answer("history", HISTORY_COLUMNS, found.rows)
    return render_template("labeler/history.html", found=found, totals=done.totals_of(labeler.id))


HISTORY_COLUMNS: tables.Columns[Work] = [
    ("assignment_id", lambda row: row.assignment.id),
    ("project", lambda row: row.project),
    ("task_type", lambda row: row.task_type),
    ("first_frame", lambda row: row.window[0] if row.window else None),
    ("last_frame", lambda row: row.window[1] if row.window else None),
    ("state", lambda row: row.assignment.state.value),
    ("claimed_at", lambda row: row.assignment.claimed_at),
    ("submitted_at", lambda row: row.assignment.submitted_at),
    ("active_seconds", lambda row: row.assignment.active_seconds),
    ("pay", lambda row: tables.amount(row.assignment.pay_cents)),
    ("reason", lambda row: row.assignment.reason),
]


@blueprint.get("/history/<assignment_id>")
def past(assignment_id: str) -> ResponseReturnValue:
    return _past(assignment_id)


def _past(assignment_id: str, text: str = "", error: str | None = None) -> ResponseReturnValue:
    found = done.own_work(current_labeler().id, assignment_id)
    page = render_template(
        "labeler/past.html",
        work=found,
        reviews=done.reviews_of(assignment_id),
        why_seen=why_seen(found.task_type, found.assignment.focus),
        why_ended=why_ended(found.assignment.state),
        text=text,
        error=error,
    )
    return page, 400 if error else 200


@blueprint.post("/history/<assignment_id>/appeal")
def appeal(assignment_id: str) -> ResponseReturnValue:
    done.own_work(current_labeler().id, assignment_id)  # a foreign one is a 404, whatever was typed
    text = request.form.get("text", "").strip()
    try:
        review.appeal(current_labeler(), assignment_id, text)
    except LabelyardError as error:
        return _past(assignment_id, text, error.message)
    flash("Your appeal is with the reviewers. You will see the outcome here.")
    return redirect(url_for("labeler.past", assignment_id=assignment_id))


# Earnings


@blueprint.get("/earnings")
def earnings() -> ResponseReturnValue:
    labeler = current_labeler()
    found = money.statement(labeler.id, tables.wish())
    if tables.wants_csv():
        return tables.csv_answer("earnings", STATEMENT_COLUMNS, found.rows)
    return render_template(
        "labeler/earnings.html",
        found=found,
        standing=money.standing(labeler.id),
        releases=money.releases(labeler.id),
        payouts=money.payouts_of(labeler.id),
        account=money.stripe_account_of(labeler.id),
        uses_stripe=bool(settings().stripe_api_key),
    )


STATEMENT_COLUMNS: tables.Columns[Movement] = [
    ("transfer", lambda row: row.transfer_id),
    ("at", lambda row: row.at),
    ("what", lambda row: row.words),
    ("about", lambda row: row.about),
    ("assignment_id", lambda row: row.assignment_id),
    ("held", lambda row: tables.amount(row.held_cents)),
    ("available", lambda row: tables.amount(row.available_cents)),
]


@blueprint.post("/earnings/stripe")
@manages_transactions
def open_stripe() -> ResponseReturnValue:
    """Open the account at Stripe, once, and lead to the form there where its owner fills in the rest.

    The answer is a page with a link: a form's redirect to another site is what our content security policy forbids.
    """
    gateway = settle.gateway()
    if gateway is None:
        raise WrongState("Stripe is not connected to this server; payouts are manual.")
    with transaction():
        labeler = current_labeler()
        labeler_id, country, email = labeler.id, labeler.country, labeler.email
        account = money.stripe_account_of(labeler_id)
        account_id = account.stripe_account_id if account else None
    back = settings().base_url + url_for("labeler.earnings")
    try:
        if account_id is None:
            status = gateway.open_account(labeler_id, country=country, email=email)
            account_id = status.account_id
            with transaction():
                link_account(db.session(), labeler_id, status, utc_now())
        link = gateway.onboarding_url(account_id, return_url=back, refresh_url=back)
    except RailDown:
        flash("Stripe cannot be reached at the moment. Please try again in some minutes.", "bad")
        return redirect(url_for("labeler.earnings"))
    with transaction():
        return render_template("labeler/stripe.html", link=link)

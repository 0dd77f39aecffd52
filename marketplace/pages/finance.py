"""Finance staff's pages about payouts: what waits, runs with maker and checker, and single payouts."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import payout_decisions as decide
from marketplace.auth import current_user
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.pages import books, funds, tables
from marketplace.pages.amounts import read_cents
from marketplace.pipeline import settle
from marketplace.reports import payouts as report
from marketplace.reports.payout_sources import behind
from marketplace.reports.payout_story import story_of
from marketplace.reports.payouts import ItemRow, RunRow
from marketplace.words import money, plural
from payouts import ledger
from payouts.attempts import SAME_KEY_MAX, may_give_up
from payouts.chart import Kind
from payouts.errors import PayoutRefused
from payouts.models import ItemState, Rail, Run, RunState
from payouts.runs import current_hash

blueprint = Blueprint("finance", __name__, url_prefix="/finance")
blueprint.register_blueprint(books.blueprint)
blueprint.register_blueprint(funds.blueprint)

MINIMUM_CENTS = 100  # a payout below it costs more to send than it is worth to wait for


@blueprint.app_context_processor
def _known_to_templates() -> dict[str, object]:
    return {"uses_stripe": bool(settle.rail() is Rail.STRIPE)}


def decided(decision: Callable[[], str], back: str) -> ResponseReturnValue:
    """Carry out a decision and say so, or say in words why it is refused; nothing half-done is kept."""
    try:
        flash(decision(), "good")
    except (PayoutRefused, InvalidInput) as refused:
        db.session.rollback()
        flash(str(refused), "bad")
    return redirect(back)


# What waits


@blueprint.get("")
def queue() -> ResponseReturnValue:
    return _queue_page()


def _queue_page(minimum: str | None = None, error: str | None = None) -> ResponseReturnValue:
    waiting = report.queue(settle.rail(), MINIMUM_CENTS)
    typed = f"{tables.amount(MINIMUM_CENTS)}" if minimum is None else minimum
    page = render_template("finance/queue.html", queue=waiting, minimum=typed, error=error)
    return page, 400 if error else 200


@blueprint.get("/unknown")
def unknown() -> ResponseReturnValue:
    return render_template(
        "finance/unknown.html",
        rows=report.unknown_attempts(),
        may_give_up=may_give_up,
        same_key_max=SAME_KEY_MAX,
        now=utc_now(),
    )


# Runs


@blueprint.get("/runs")
def runs() -> ResponseReturnValue:
    found = report.run_list(tables.wish(), tables.chosen(RunState))
    if tables.wants_csv():
        return tables.csv_answer("payout-runs", RUN_COLUMNS, found.rows)
    return render_template("finance/runs.html", found=found)


RUN_COLUMNS: tables.Columns[RunRow] = [
    ("run_id", lambda row: row.run.id),
    ("created_at", lambda row: row.run.created_at),
    ("built_by", lambda row: row.maker),
    ("state", lambda row: row.run.state.value),
    ("rail", lambda row: row.run.rail.value),
    ("payouts", lambda row: row.payouts),
    ("paid", lambda row: row.paid),
    ("amount", lambda row: tables.amount(row.cents)),
    ("currency", lambda row: row.run.currency),
]


@blueprint.post("/runs")
def build_run() -> ResponseReturnValue:
    try:
        minimum = read_cents(request.form.get("minimum", ""), "minimum")
        run = decide.build_run(current_user(), minimum, utc_now())
    except (PayoutRefused, InvalidInput) as refused:
        db.session.rollback()
        return _queue_page(request.form.get("minimum", ""), str(refused))
    flash(f"The run of {plural(len(run.items), 'payout')} is a draft. Look it through, then freeze it.", "good")
    return redirect(url_for("finance.run", run_id=run.id))


@blueprint.get("/runs/<run_id>")
def run(run_id: str) -> ResponseReturnValue:
    found = report.find_run(run_id)
    rows = report.items_of(run_id)
    if tables.wants_csv():
        return tables.csv_answer(f"payout-run-{run_id}", BANK_COLUMNS, rows)
    excluded_names = report.names_of(one["labeler_id"] for one in found.excluded)
    return render_template(
        "finance/run.html",
        run=found,
        rows=rows,
        names=report.names_of([found.created_by, found.frozen_by, found.approved_by]) | excluded_names,
        content_hash=current_hash(found),
        user=current_user(),
        **_numbers(found),
    )


def _numbers(run: Run) -> dict[str, object]:
    items = [item for item in run.items if item.state is not ItemState.CANCELED]
    ready = [item for item in items if item.state is ItemState.READY]
    settled = [item for item in items if item.state in (ItemState.PAID, ItemState.REVERSED)]
    return {
        "total_cents": sum(item.amount_cents for item in items),
        "ready_count": len(ready),
        "ready_cents": sum(item.amount_cents for item in ready),
        "item_count": len(items),
        "settled_count": len(settled),
        "missing_cents": _missing_cents(run, sum(item.amount_cents for item in ready)),
        "is_moving": run.state is RunState.APPROVED
        and any(i.state in (ItemState.READY, ItemState.SENDING) for i in items),
    }


def _missing_cents(run: Run, needed_cents: int) -> int:
    """How much our balance at Stripe lacks for what has not left."""
    if run.rail is not Rail.STRIPE or run.state in (RunState.DONE, RunState.CANCELED):
        return 0
    return max(0, needed_cents - ledger.balance(db.session(), Kind.STRIPE_AVAILABLE, currency=run.currency))


# What a bank needs to pay by hand, and what is seen on the page.
BANK_COLUMNS: tables.Columns[ItemRow] = [
    ("payout_id", lambda row: row.item.id),
    ("labeler_id", lambda row: row.item.labeler_id),
    ("name", lambda row: row.labeler),
    ("email", lambda row: row.email),
    ("amount", lambda row: tables.amount(row.item.amount_cents)),
    ("currency", lambda row: row.item.currency),
    ("state", lambda row: row.item.state.value),
    ("reason", lambda row: row.item.reason),
    ("run_id", lambda row: row.item.run_id),
    ("stripe_account", lambda row: row.item.destination),
    ("stripe_transfer", lambda row: row.item.stripe_transfer_id),
    ("bank_reference", lambda row: next((a.reference for a in reversed(row.item.attempts) if a.reference), None)),
]


@blueprint.post("/runs/<run_id>/freeze")
def freeze(run_id: str) -> ResponseReturnValue:
    def decision() -> str:
        decide.freeze(current_user(), report.find_run(run_id).id, utc_now())
        return "The run is frozen. Another person must approve it."

    return decided(decision, url_for("finance.run", run_id=run_id))


@blueprint.post("/runs/<run_id>/approve")
def approve(run_id: str) -> ResponseReturnValue:
    def decision() -> str:
        found = report.find_run(run_id)
        decide.approve(current_user(), found.id, request.form.get("content_hash", ""), utc_now())
        return (
            "Approved. The payouts leave now."
            if found.rail is Rail.STRIPE
            else "Approved. Pay by the CSV, then confirm."
        )

    return decided(decision, url_for("finance.run", run_id=run_id))


@blueprint.post("/runs/<run_id>/cancel")
def cancel(run_id: str) -> ResponseReturnValue:
    def decision() -> str:
        decide.cancel(current_user(), report.find_run(run_id).id, request.form.get("reason", ""), utc_now())
        return "The run is canceled. Its labelers are due again."

    return decided(decision, url_for("finance.run", run_id=run_id))


# Payouts


@blueprint.get("/payouts")
def items() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()
    found = report.item_list(tables.wish(), state=tables.chosen(ItemState), words=words)
    if tables.wants_csv():
        return tables.csv_answer("payouts", BANK_COLUMNS, found.rows)
    return render_template("finance/items.html", found=found, words=words)


@blueprint.get("/payouts/<item_id>")
def item(item_id: str) -> ResponseReturnValue:
    row = report.find_item(item_id)
    attempts = row.item.attempts
    return render_template(
        "finance/item.html",
        row=row,
        item=row.item,
        attempts=attempts,
        story=story_of(row.item),
        behind=behind(row.item),
        names=report.names_of([row.item.decided_by, *(attempt.decided_by for attempt in attempts)]),
        may_give_up=bool(attempts) and may_give_up(attempts[-1]),
        same_key_max=SAME_KEY_MAX,
        now=utc_now(),
    )


@blueprint.post("/payouts/<item_id>/<any(hold, release, drop, again, paid, refused, giveup):what>")
def decide_item(item_id: str, what: str) -> ResponseReturnValue:
    row = report.find_item(item_id)
    amount = f"{money(row.item.amount_cents, row.item.currency)} to {row.labeler}"
    return decided(lambda: _decide(item_id, what, amount), _back_to_item(item_id))


def _decide(item_id: str, what: str, amount: str) -> str:
    user, now = current_user(), utc_now()
    reason = request.form.get(f"{what}-reason", "")  # a page may hold two of these forms
    if what == "hold":
        decide.hold(user, item_id, reason, now)
        return f"{amount} is held."
    if what == "release":
        state = decide.release(user, item_id, reason, now).state
        return f"{amount} goes with the next run." if state is ItemState.CANCELED else f"{amount} is let go."
    if what == "drop":
        decide.drop(user, item_id, reason, now)
        return f"{amount} is out of this run; the labeler is due again."
    if what == "again":
        decide.send_again(user, item_id, now)
        return f"{amount} is sent again."
    if what == "paid":
        decide.mark_paid(user, item_id, request.form.get("paid-reference", ""), now)
        return f"{amount} is paid."
    if what == "refused":
        decide.mark_refused(user, item_id, reason, now)
        return f"{amount} was not paid; the money is the labeler's again."
    if what == "giveup":
        decide.give_up(user, item_id, now)
        return f"{amount} was not made; the money is the labeler's again."
    raise NotFound("There is no such decision.")


def _back_to_item(item_id: str) -> str:
    """To the page of the run, where the decision was made from its list."""
    run_id = request.form.get("run", "")
    return url_for("finance.run", run_id=run_id) if run_id else url_for("finance.item", item_id=item_id)

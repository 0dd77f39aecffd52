"""Finance staff's pages about the ledger: transfers, accounts, whether the money adds up, and Stripe beside it."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import payout_decisions as decide
from marketplace.app import manages_transactions
from marketplace.auth import current_user
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import Conflict
from marketplace.pages import tables
from marketplace.pipeline import settle
from marketplace.reports import books as report
from marketplace.reports.books import AccountRow, EntryRow, Filter, TransferRow
from payouts.chart import Code, Kind
from payouts.rail import RailDown
from payouts.reconcile import Line, invariants

blueprint = Blueprint("books", __name__)


@blueprint.get("/ledger")
def transfers() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()
    wanted = Filter(tables.chosen(Code, "code"), words, _day("since"), _day("until"))
    if wanted.until is not None:
        wanted = Filter(wanted.code, words, wanted.since, wanted.until + timedelta(days=1))
    found = report.transfers(tables.wish(), wanted)
    if tables.wants_csv():
        return tables.csv_answer("ledger", TRANSFER_COLUMNS, found.rows)
    return render_template(
        "finance/ledger.html", found=found, words=words, totals=report.totals(), code_words=report.CODE_WORDS
    )


def _day(name: str) -> datetime | None:
    """A day of the address, from its beginning in UTC; nonsense is as good as nothing."""
    try:
        return datetime.fromisoformat(request.args.get(name, "")).replace(tzinfo=UTC)
    except ValueError:
        return None


TRANSFER_COLUMNS: tables.Columns[TransferRow] = [
    ("transfer_id", lambda row: row.transfer.id),
    ("effective_at", lambda row: row.transfer.effective_at),
    ("code", lambda row: row.transfer.code),
    ("key", lambda row: row.transfer.key),
    ("amount", lambda row: tables.amount(row.cents)),
    ("stripe_id", lambda row: row.transfer.source_id),
    ("reverses", lambda row: row.transfer.reverses_id),
]


@blueprint.get("/ledger/transfers/<int:transfer_id>")
def transfer(transfer_id: int) -> ResponseReturnValue:
    found = report.find_transfer(transfer_id)
    return render_template(
        "finance/transfer.html",
        transfer=found,
        words=report.CODE_WORDS[Code(found.code)],
        kind_words=report.KIND_WORDS,
        owners=report.owners_of(found.entries),
    )


@blueprint.get("/ledger/accounts")
def accounts() -> ResponseReturnValue:
    words, with_empty = request.args.get("q", "").strip(), request.args.get("show") == "all"
    found = report.accounts(tables.wish(), kind=tables.chosen(Kind, "kind"), words=words, with_empty=with_empty)
    if tables.wants_csv():
        return tables.csv_answer("accounts", ACCOUNT_COLUMNS, found.rows)
    return render_template(
        "finance/accounts.html", found=found, words=words, with_empty=with_empty, kind_words=report.KIND_WORDS
    )


ACCOUNT_COLUMNS: tables.Columns[AccountRow] = [
    ("account_id", lambda row: row.account.id),
    ("kind", lambda row: row.account.kind),
    ("owner_id", lambda row: row.account.owner_id),
    ("owner", lambda row: row.owner),
    ("balance", lambda row: tables.amount(row.balance_cents)),
    ("currency", lambda row: row.account.currency),
    ("entries", lambda row: row.entries),
]


@blueprint.get("/ledger/accounts/<int:account_id>")
def account(account_id: int) -> ResponseReturnValue:
    row = report.find_account(account_id)
    found = report.entries_of(row.account, tables.wish())
    if tables.wants_csv():
        return tables.csv_answer(f"account-{account_id}", ENTRY_COLUMNS, found.rows)
    return render_template("finance/account.html", row=row, found=found)


ENTRY_COLUMNS: tables.Columns[EntryRow] = [
    ("entry_id", lambda row: row.entry.id),
    ("effective_at", lambda row: row.transfer.effective_at),
    ("code", lambda row: row.transfer.code),
    ("transfer_id", lambda row: row.transfer.id),
    ("key", lambda row: row.transfer.key),
    ("change", lambda row: tables.amount(row.cents)),
    ("balance_after", lambda row: _balance_after(row)),
]


def _balance_after(row: EntryRow) -> object:
    kept = row.entry.balance_after_cents
    return None if kept is None else tables.amount(kept)


# Does the money add up


@blueprint.get("/ledger/checks")
def checks() -> ResponseReturnValue:
    """All laws, checked while the page is made, in one snapshot of the database."""
    done = invariants(db.session())
    return render_template("finance/checks.html", checks=done, at=utc_now(), totals=report.totals())


@blueprint.get("/ledger/stripe")
@manages_transactions
def stripe() -> ResponseReturnValue:
    """The ledger beside Stripe, as both are now; Stripe is asked while no transaction is open."""
    comparison, trouble = None, None
    try:
        comparison = settle.compare_with_stripe()
    except RailDown as error:
        trouble = str(error)
    if comparison is not None and tables.wants_csv():
        return tables.csv_answer("stripe", LINE_COLUMNS, [*comparison.unmatched, *comparison.matched])
    with transaction():
        return render_template("finance/stripe.html", comparison=comparison, trouble=trouble, at=utc_now())


LINE_COLUMNS: tables.Columns[Line] = [
    ("source_id", lambda line: line.source_id),
    ("what", lambda line: line.what),
    ("ledger", lambda line: None if line.ledger_cents is None else tables.amount(line.ledger_cents)),
    ("stripe", lambda line: None if line.stripe_cents is None else tables.amount(line.stripe_cents)),
]


@blueprint.post("/ledger/stripe/top-ups/<source_id>")
@manages_transactions
def top_up(source_id: str) -> ResponseReturnValue:
    """Book a top-up that Stripe shows: the amount is Stripe's, not the form's."""
    try:
        seen = settle.find_top_up(source_id)
    except RailDown as error:
        raise Conflict(f"Stripe does not answer: {error}") from error
    with transaction():
        if seen is None:
            flash("Stripe shows no top-up with this id.", "bad")
        else:
            decide.record_top_up(current_user(), seen)
            flash("The top-up is on the ledger.", "good")
    return redirect(url_for("finance.books.stripe"))

"""Finance staff's pages about whose money we hold: customers and their funds, labelers and their earnings."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import payout_decisions as decide
from marketplace.auth import current_user
from marketplace.db import db
from marketplace.errors import InvalidInput
from marketplace.pages import tables
from marketplace.pages.amounts import read_cents
from marketplace.reports import earnings
from marketplace.reports import funds as report
from marketplace.reports.books import Filter, TransferRow
from marketplace.reports.books import transfers as transfers_of
from marketplace.reports.funds import CustomerRow, LabelerMoney
from marketplace.reports.payouts import items_of_labeler
from marketplace.words import money

blueprint = Blueprint("funds", __name__)


# Customers


@blueprint.get("/customers")
def customers() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()
    found = report.customers(tables.wish(), words)
    if tables.wants_csv():
        return tables.csv_answer("customers", CUSTOMER_COLUMNS, found.rows)
    return render_template("finance/customers.html", found=found, words=words)


CUSTOMER_COLUMNS: tables.Columns[CustomerRow] = [
    ("customer_id", lambda row: row.customer.id),
    ("name", lambda row: row.customer.name),
    ("email", lambda row: row.customer.email),
    ("funds", lambda row: tables.amount(row.funds_cents)),
    ("reserved", lambda row: tables.amount(row.reserved_cents)),
    ("open_tasks", lambda row: row.open_tasks),
]


@blueprint.get("/customers/<customer_id>")
def customer(customer_id: str) -> ResponseReturnValue:
    return _customer_page(customer_id)


def _customer_page(customer_id: str, error: InvalidInput | None = None) -> ResponseReturnValue:
    row = report.find_customer(customer_id)
    found = transfers_of(tables.wish(), Filter(words=customer_id))
    if tables.wants_csv():
        return tables.csv_answer(f"customer-{customer_id}", MOVEMENT_COLUMNS, found.rows)
    page = render_template(
        "finance/customer.html",
        row=row,
        found=found,
        values=request.form if error else {},
        errors={error.field: error.message} if error else {},
    )
    return page, 400 if error else 200


MOVEMENT_COLUMNS: tables.Columns[TransferRow] = [
    ("transfer_id", lambda row: row.transfer.id),
    ("effective_at", lambda row: row.transfer.effective_at),
    ("code", lambda row: row.transfer.code),
    ("key", lambda row: row.transfer.key),
    ("task_id", lambda row: row.transfer.details.get("task_id")),
    ("amount", lambda row: tables.amount(row.cents)),
]


@blueprint.post("/customers/<customer_id>/fund")
def fund(customer_id: str) -> ResponseReturnValue:
    row = report.find_customer(customer_id)
    try:
        cents = read_cents(request.form.get("amount", ""), "amount")
        if cents == 0:
            raise InvalidInput("Please give an amount above zero.", "amount")
        is_new = decide.fund(current_user(), row.customer, cents, request.form.get("reference", ""))
    except InvalidInput as error:
        db.session.rollback()
        return _customer_page(customer_id, error)
    words = "is credited" if is_new else "had been credited before; nothing was added"
    flash(f"{money(cents)} to {row.customer.name} {words}.", "good" if is_new else "warn")
    return redirect(url_for("finance.funds.customer", customer_id=customer_id))


# Labelers


@blueprint.get("/labelers")
def labelers() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()
    found = report.labelers(tables.wish(), words)
    if tables.wants_csv():
        return tables.csv_answer("labelers-money", LABELER_COLUMNS, found.rows)
    return render_template("finance/labelers.html", found=found, words=words)


LABELER_COLUMNS: tables.Columns[LabelerMoney] = [
    ("labeler_id", lambda row: row.labeler.id),
    ("name", lambda row: row.labeler.name),
    ("email", lambda row: row.labeler.email),
    ("country", lambda row: row.labeler.country),
    ("stripe_account", lambda row: row.account.stripe_account_id if row.account else None),
    ("held", lambda row: tables.amount(row.held_cents)),
    ("available", lambda row: tables.amount(row.available_cents)),
    ("in_transit", lambda row: tables.amount(row.in_transit_cents)),
    ("paid", lambda row: tables.amount(row.paid_cents)),
]


@blueprint.get("/labelers/<labeler_id>")
def labeler(labeler_id: str) -> ResponseReturnValue:
    row = report.find_labeler(labeler_id)
    found = earnings.statement(labeler_id, tables.wish())
    if tables.wants_csv():
        return tables.csv_answer(f"labeler-{labeler_id}", STATEMENT_COLUMNS, found.rows)
    return render_template(
        "finance/labeler.html",
        row=row,
        found=found,
        releases=earnings.releases(labeler_id),
        payouts=items_of_labeler(labeler_id),
    )


STATEMENT_COLUMNS: tables.Columns[earnings.Movement] = [
    ("transfer_id", lambda row: row.transfer_id),
    ("at", lambda row: row.at),
    ("what", lambda row: row.words),
    ("assignment_id", lambda row: row.assignment_id),
    ("held", lambda row: tables.amount(row.held_cents)),
    ("available", lambda row: tables.amount(row.available_cents)),
]

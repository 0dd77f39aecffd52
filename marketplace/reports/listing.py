"""What an address asks for, and what was found: a sorted, paged piece of a list, or the one thing that it names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, or_, select

from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import Customer, KeyMode

ROWS = 50
PAGE_MAX = 2_000

Row = TypeVar("Row")


@dataclass(frozen=True)
class Wish:
    """`sort` is a column's key, with a minus for descending."""

    sort: str = ""
    page: int = 1


@dataclass(frozen=True)
class Found(Generic[Row]):
    rows: list[Row]
    page: int
    has_more: bool

    @property
    def first(self) -> int:
        return (self.page - 1) * ROWS + 1


def fetch(
    statement: Select[Any],
    wish: Wish,
    *,
    columns: Mapping[str, Any],
    default: str,
    tie: Any,
    convert: Callable[[Any], Row],
) -> Found[Row]:
    """One page of the statement, ordered by one of `columns`; `tie` makes the order total, so that no row is lost."""
    sort = wish.sort if wish.sort.lstrip("-") in columns else default
    column = columns[sort.lstrip("-")]
    descending = sort.startswith("-")
    order = column.desc().nulls_last() if descending else column.asc().nulls_last()
    page = min(max(wish.page, 1), PAGE_MAX)
    ordered = statement.order_by(order, tie.desc() if descending else tie)
    rows = db.session.execute(ordered.limit(ROWS + 1).offset((page - 1) * ROWS)).all()
    return Found([convert(row) for row in rows[:ROWS]], page, has_more=len(rows) > ROWS)


def find_row(statement: Select[Any], missing: str) -> Any:
    """The only row of the statement; raises NotFound with these words where there is none."""
    row = db.session.execute(statement).one_or_none()
    if row is None:
        raise NotFound(missing)
    return row


def find_own(model: Any, own_name: Any, customer: Customer, mode: KeyMode, word: str) -> Any:
    """The customer's row with this id, or with this word in the column of his own names; the id goes first, or None."""
    return db.session.scalar(
        select(model)
        .where(model.customer_id == customer.id, model.mode == mode, or_(model.id == word, own_name == word))
        .order_by((model.id == word).desc())
        .limit(1)
    )

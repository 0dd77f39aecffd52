"""Tables of the pages: what the address asks for, and CSV of exactly the rows seen."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from flask import Response, request

from marketplace.reports.listing import Wish
from marketplace.words import timestamp

Row = TypeVar("Row")
Word = TypeVar("Word", bound=StrEnum)
Columns = Sequence[tuple[str, Callable[[Row], object]]]


def wish() -> Wish:
    """Sort and page from the address; nonsense there is as good as nothing."""
    page = request.args.get("page", "1")
    return Wish(sort=request.args.get("sort", ""), page=int(page) if page.isascii() and page.isdigit() else 1)


def chosen(kind: type[Word], name: str = "state") -> Word | None:
    """A filter's word from the address, if it is one."""
    word = request.args.get(name, "")
    return kind(word) if word in set(kind) else None


def wants_csv() -> bool:
    return request.args.get("format") == "csv"


def csv_answer(name: str, columns: Columns[Row], rows: Iterable[Row]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([title for title, _ in columns])
    writer.writerows([_cell(value(row)) for _, value in columns] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), mimetype="text/csv", headers=headers)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"  # a spreadsheet would run it as a formula
    return value


def amount(cents: int) -> Decimal:
    """Cents as a decimal number, for a spreadsheet; never through a float."""
    return Decimal(cents).scaleb(-2)

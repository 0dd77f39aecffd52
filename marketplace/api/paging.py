"""Pages of a list: by offset as the contract's older clients ask, by a token that names the last row otherwise."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from marketplace.db import db
from marketplace.errors import InvalidInput
from marketplace.words import timestamp


def narrowed(rows: Select[Any], query: dict[str, Any], conditions: dict[str, Callable[[Any], Any]]) -> Select[Any]:
    """The rows that meet the condition of every parameter that the query has."""
    for name, condition in conditions.items():
        if name in query:
            rows = rows.where(condition(query[name]))
    return rows


@dataclass(frozen=True)
class Page:
    docs: list[Any]
    total: int
    has_more: bool
    next_token: str | None


def page_of(rows: Select[Any], model: Any, query: dict[str, Any]) -> Page:
    """Rows newest first: ids are made in order, so that there are no ties."""
    total = db.session.scalar(select(func.count()).select_from(rows.order_by(None).subquery())) or 0
    limit, token = query["limit"], query.get("next_token")
    listed = rows.order_by(model.id.desc()).limit(limit + 1)
    listed = listed.where(model.id < _last_id(token)) if token else listed.offset(query["offset"])
    found = list(db.session.scalars(listed).unique())
    docs, has_more = found[:limit], len(found) > limit
    return Page(docs, total, has_more, _token(docs[-1]) if has_more else None)


def _token(row: Any) -> str:
    text = json.dumps({"id": row.id, "created_at": timestamp(row.created_at)})
    return base64.urlsafe_b64encode(text.encode()).decode()


def _last_id(token: str) -> str:
    try:
        return str(json.loads(base64.urlsafe_b64decode(token))["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput("This next_token was not made here.", "next_token") from error

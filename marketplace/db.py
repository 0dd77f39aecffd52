"""The database session and the only commit in the program."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from flask import Flask, g
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as BoundSession
from sqlalchemy import Connection, DateTime, Engine, MetaData, PoolProxiedConnection, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction

APP_ROLE = "labelyard_app"


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # None is SQL's NULL, not the JSON value null: "no answer yet" must be found by IS NULL.
    type_annotation_map: ClassVar = {dict[str, Any]: JSONB(none_as_null=True), list[Any]: JSONB(none_as_null=True)}


class UnitSession(BoundSession):
    """The request's session; what the driver alone has begun, it goes on with on the same connection."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        if "driver" not in g:
            return super().get_bind(*args, **kwargs)
        if "connection" not in g:
            g.connection = Connection(db.engine, connection=g.driver)
        return cast(Connection, g.connection)


# The models stand on their own typed base; Flask-SQLAlchemy gives the engine and the request's session.
db = SQLAlchemy(session_options={"class_": UnitSession})
UtcDateTime = DateTime(timezone=True)


def init_db(app: Flask) -> None:
    """Bind the session to the application and drop every new connection into the restricted role.

    The role may read the ledger but write it only through `post()`; a connection that logs in as that role already is
    unaffected.
    """
    db.init_app(app)
    with app.app_context():
        event.listen(db.engine, "connect", _enter_role)
    event.listen(db.session, "after_begin", _note_driver)
    event.listen(db.session, "after_transaction_end", _forget_driver)
    app.teardown_appcontext(lambda _error: _release())


def _enter_role(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {APP_ROLE}")
    connection.commit()


def _note_driver(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    """For `fetch_rows`, which would else ask the session for its connection at every statement."""
    session.info["driver"] = connection.connection.driver_connection


def _forget_driver(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop("driver", None)


def after_commit(action: Callable[[], None]) -> None:
    """Run `action` once the open transaction has committed; a rollback forgets it.

    Jobs are enqueued this way: enqueued earlier, a fast worker would look for rows that are not there yet.
    """
    db.session.info.setdefault("after_commit", []).append(action)


def fetch_rows(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement in the open transaction, by the driver alone: for the hottest paths.

    Placeholders are the driver's, `%(name)s`; each connection prepares the statement once. It takes a third of the time
    that the session's own way takes, and knows nothing of what the session has not flushed. A unit of work that begins
    with it makes no session until one is asked for, and then that goes on in the same transaction.
    """
    rows: list[tuple[Any, ...]] = _driver().execute(statement, values, prepare=True).fetchall()
    return rows


def _driver() -> Any:
    if _has_session():
        session = db.session()
        return session.info.get("driver") or session.connection().connection.driver_connection
    if "driver" not in g:
        g.driver = db.engine.raw_connection()
    return g.driver.driver_connection


def _has_session() -> bool:
    return bool(db.session.registry.has())


def _release() -> None:
    """Give the driver's connection back; what it had not committed is rolled back by the pool."""
    g.pop("connection", None)
    driver: PoolProxiedConnection | None = g.pop("driver", None)
    if driver is not None:
        driver.close()


@contextmanager
def transaction() -> Iterator[None]:
    """One unit of work: return commits and runs what waited for the commit, raise rolls back."""
    if _has_session():
        db.session.info.pop("after_commit", None)
    try:
        yield
        _commit()
    except BaseException:
        _roll_back()
        raise
    if _has_session():
        for action in db.session.info.pop("after_commit", []):
            action()


def _commit() -> None:
    if _has_session():
        db.session.commit()
    elif "driver" in g:
        g.driver.commit()
    _release()


def _roll_back() -> None:
    if _has_session():
        db.session.rollback()
        db.session.info.pop("after_commit", None)
    _release()

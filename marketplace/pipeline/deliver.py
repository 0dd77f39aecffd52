"""deliver: tell the customer, by a signed POST, that a task or a batch has ended; tried for a day until it is heard."""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from marketplace import fetch
from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import NotFound
from marketplace.models import Batch, CallbackAttempt, CallbackState, KeyMode, Task
from marketplace.queue import enqueue, enqueue_once, job
from marketplace.schemas.batch import BatchSchema
from marketplace.schemas.task import TaskSchema

log = logging.getLogger(__name__)

AUTH_HEADER = "scale-callback-auth"
SIGNATURE_HEADER = "labelyard-signature"
TRIES_MAX = 20
# Pauses of 10 s, 20 s, 40 s ... up to this: with 20 tries the last one comes 24 hours after the first.
PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 10, 8_460
POST_SECONDS = 15
# Longer than a try takes, so that a lease that ended means a dead worker.
LEASE = timedelta(seconds=60)
# One try at a server that does not answer puts off all others there.
SLOW_SECONDS, PUT_OFF = 5.0, timedelta(seconds=60)
DUE_AT_ONCE = 500
ERROR_CHARACTERS_MAX = 500


# Owing a callback


def announce(task: Task, event: str) -> None:
    """Owe the customer a callback about a task's end; without an address nothing is owed."""
    url = task.callback_url or (task.batch.callback if task.batch else None) or task.customer.callback_url
    if url:
        _owe(CallbackAttempt(task_id=task.id, event=event, url=url))


def announce_batch(batch: Batch) -> None:
    """Owe the customer a callback about a batch whose last task has ended."""
    if batch.callback:
        _owe(CallbackAttempt(batch_id=batch.id, event="batch_completed", url=batch.callback))


def _owe(callback: CallbackAttempt) -> None:
    db.session.add(callback)
    db.session.flush()
    enqueue(send_callback, callback.id)


def send_again(callback_id: str) -> CallbackAttempt:
    """Start the tries of a callback anew, at somebody's wish; whoever asks has checked that it is theirs."""
    callback = db.session.get(CallbackAttempt, callback_id, with_for_update=True, populate_existing=True)
    if callback is None:
        raise NotFound("There is no such callback.")
    callback.state, callback.tries, callback.next_try_at = CallbackState.PENDING, 0, utc_now()
    db.session.flush()
    enqueue(send_callback, callback.id)
    return callback


def enqueue_due() -> None:
    """Enqueue every callback whose next try is due, whatever became of the job that should have made it."""
    with transaction():
        due = db.session.scalars(
            select(CallbackAttempt.id)
            .where(CallbackAttempt.state == CallbackState.PENDING, CallbackAttempt.next_try_at <= utc_now())
            .order_by(CallbackAttempt.next_try_at)
            .limit(DUE_AT_ONCE)
        ).all()
    for callback_id in due:
        enqueue_once(send_callback, callback_id)


# Sending it


@job(queue="deliver", timeout_seconds=90)
def send_callback(callback_id: str) -> None:
    """Make one try, if one is due: claimed and counted first, then sent while no transaction is open."""
    with transaction():
        claim = _claim(callback_id, utc_now())
    if claim is None:
        return
    started = time.monotonic()
    try:
        status = fetch.post(
            claim.url,
            claim.body,
            claim.headers,
            seconds=POST_SECONDS,
            allow_private=settings().callback_allow_private,
        )
        outcome = _Outcome(status, None if 200 <= status < 300 else f"The server answered {status}.")
    except fetch.FetchFailed as error:
        outcome = _Outcome(None, error.message)
    is_slow = outcome.error is not None and time.monotonic() - started > SLOW_SECONDS
    with transaction():
        _record(claim, outcome, utc_now())
        if is_slow:
            _put_off_others(claim, utc_now())


@dataclass(frozen=True)
class _Claim:
    """The right to make one try; its number fences off a worker that comes back after its lease has ended."""

    callback_id: str
    tries: int
    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class _Outcome:
    status_code: int | None
    error: str | None  # none is success


def _claim(callback_id: str, now: datetime) -> _Claim | None:
    callback = db.session.scalar(
        select(CallbackAttempt)
        .where(CallbackAttempt.id == callback_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if callback is None or callback.state is not CallbackState.PENDING or callback.next_try_at > now:
        return None
    callback.tries += 1
    callback.next_try_at = now + LEASE
    about = callback.task or callback.batch
    assert about is not None, "the database holds one of the two"
    body = json.dumps(_content(about), separators=(",", ":")).encode()
    customer = about.customer if isinstance(about, Task) else about.project.customer
    auth_key = customer.callback_auth_key if about.mode is KeyMode.LIVE else customer.test_callback_auth_key
    headers = {
        "Content-Type": "application/json",
        AUTH_HEADER: auth_key,
        SIGNATURE_HEADER: signature(body, customer.signing_secret, int(now.timestamp())),
    }
    return _Claim(callback.id, callback.tries, callback.url, body, headers)


def _content(about: Task | Batch) -> dict[str, Any]:
    """What is told, as it stands now: an earlier try's news may have grown old."""
    if isinstance(about, Task):
        task = TaskSchema().dump(about)
        return {"task": task, "response": about.response, "task_id": about.id, "status": about.status.value}
    counts = db.session.execute(select(Task.status, func.count()).filter_by(batch_id=about.id).group_by(Task.status))
    return {
        "batch": BatchSchema().dump(about),
        "batch_id": about.id,
        "status": about.status.value,
        "tasks": {status.value: count for status, count in counts},
    }


def signature(body: bytes, secret: str, stamp: int) -> str:
    """`t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`: the receiver sees who sent it, and when."""
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def _record(claim: _Claim, outcome: _Outcome, now: datetime) -> None:
    callback = db.session.get(CallbackAttempt, claim.callback_id, with_for_update=True, populate_existing=True)
    if callback is None or callback.state is not CallbackState.PENDING:
        return
    is_heard = outcome.error is None
    if callback.tries != claim.tries and not is_heard:
        return  # somebody else tries since; only a success is true for ever
    callback.last_status_code = outcome.status_code
    callback.last_error = outcome.error[:ERROR_CHARACTERS_MAX] if outcome.error else None
    callback.next_try_at = now + pause_after(callback.tries)
    if is_heard:
        callback.state, callback.succeeded_at = CallbackState.SUCCEEDED, now
    elif callback.tries >= TRIES_MAX:
        callback.state = CallbackState.FAILED
    if callback.task is not None and callback.state is not CallbackState.PENDING:
        callback.task.callback_succeeded = is_heard
    log.info(
        "callback tried",
        extra={"callback_id": callback.id, "tries": callback.tries, "status_code": outcome.status_code},
    )


def _put_off_others(claim: _Claim, now: datetime) -> None:
    """A server that lets us wait would cost each of its callbacks as long, and all other customers' stand behind."""
    others = (CallbackAttempt.url == claim.url, CallbackAttempt.id != claim.callback_id)
    due = (CallbackAttempt.state == CallbackState.PENDING, CallbackAttempt.next_try_at < now + PUT_OFF)
    db.session.execute(update(CallbackAttempt).where(*others, *due).values(next_try_at=now + PUT_OFF))


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries."""
    return timedelta(seconds=min(PAUSE_SECONDS_FIRST * 2 ** (tries - 1), PAUSE_SECONDS_MAX))

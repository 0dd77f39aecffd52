"""Jobs: functions that take ids, enqueued after commit; Redis only hints, the rows are the truth."""

import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

import redis
from flask import current_app
from rq import Queue
from rq.worker import SimpleWorker

from marketplace.db import after_commit, db

log = logging.getLogger(__name__)

# In the order in which workers look: what a customer or labeler waits for first, long work last.
QUEUES = ("work", "deliver", "money", "ingest")
# How long the mark counts by which sweeps know that a job waits in its queue, and that it runs. A lost job is so found
# again however it was lost, and a long one is seldom run twice at once.
MARK_SECONDS = 600
RUNNING_SECONDS = 120


class Job(Protocol):
    __name__: str
    queue: str
    timeout_seconds: int

    def __call__(self, *ids: Any) -> None: ...


def job(*, queue: str, timeout_seconds: int = 180) -> Callable[[Callable[..., None]], Job]:
    """Mark a module-level function as a job of `queue`; it runs in a worker, with a session of its own."""
    assert queue in QUEUES, queue

    def mark(function: Callable[..., None]) -> Job:
        @functools.wraps(function)
        def run(*ids: Any) -> None:
            _set_mark(function, ids, min(timeout_seconds, RUNNING_SECONDS))
            try:
                function(*ids)
            finally:
                _unmark(function, ids)
                db.session.remove()

        marked = cast(Any, run)
        marked.queue = queue
        marked.timeout_seconds = timeout_seconds
        return cast(Job, marked)

    return mark


def connection() -> redis.Redis:
    return cast(redis.Redis, current_app.extensions["redis"])


def init_queue(app: Any) -> None:
    app.extensions["redis"] = redis.Redis.from_url(
        app.config["SETTINGS"].redis_url, socket_timeout=5, socket_connect_timeout=2
    )


def enqueue(function: Job, *ids: Any) -> None:
    """Enqueue once the open transaction has committed. A dead Redis loses the hint only: the sweep finds the row."""
    after_commit(lambda: enqueue_now(function, *ids))


def enqueue_now(function: Job, *ids: Any) -> None:
    try:
        connection().set(_mark(function, ids), "1", ex=MARK_SECONDS)
        Queue(function.queue, connection=connection(), serializer="json").enqueue(
            function, *ids, job_timeout=function.timeout_seconds, result_ttl=0, failure_ttl=86_400
        )
    except redis.RedisError as error:
        log.warning("redis is away, the sweep will find it: %s%s: %s", function.__name__, ids, error)


def enqueue_once(function: Job, *ids: Any) -> None:
    """For sweeps, which find the same row again and again: nothing is added while the same job waits or runs."""
    try:
        is_new = connection().set(_mark(function, ids), "1", ex=MARK_SECONDS, nx=True)
    except redis.RedisError:
        return
    if is_new:
        enqueue_now(function, *ids)


def _mark(function: Any, ids: tuple[Any, ...]) -> str:
    return f"labelyard:queued:{function.__module__}.{function.__name__}:{':'.join(map(str, ids))}"


def _set_mark(function: Any, ids: tuple[Any, ...], seconds: int) -> None:
    with suppress(redis.RedisError):
        connection().set(_mark(function, ids), "1", ex=seconds)


def _unmark(function: Any, ids: tuple[Any, ...]) -> None:
    with suppress(redis.RedisError):
        connection().delete(_mark(function, ids))


def worker(*, burst: bool = False) -> None:
    """Work off the queues in this process; with `burst`, until they are empty."""
    links = redis.Redis.from_url(current_app.config["SETTINGS"].redis_url)  # blocking pops outlast the short time-out
    queues = [Queue(name, connection=links, serializer="json") for name in QUEUES]
    SimpleWorker(queues, connection=links, serializer="json").work(burst=burst, logging_level="WARNING")

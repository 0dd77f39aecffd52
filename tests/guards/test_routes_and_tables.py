"""Guards over the whole application: every route has an audience, one migration head, models equal migrations."""

from alembic import command
from alembic.script import ScriptDirectory
from flask import Flask

from marketplace import permissions, queue
from marketplace.migrate import alembic_config


def test_every_route_has_an_audience(app: Flask) -> None:
    without = [rule.rule for rule in app.url_map.iter_rules() if permissions.audience_of(rule.endpoint) is None]
    assert without == []


def test_every_audience_is_of_a_blueprint(app: Flask) -> None:
    names = {rule.endpoint.partition(".")[0] for rule in app.url_map.iter_rules()}
    assert set(permissions.AUDIENCES) <= names, "an audience without routes is dead"


def test_every_page_and_call_that_is_not_public_refuses_a_stranger(app: Flask) -> None:
    client = app.test_client()
    admitted = []
    for rule in app.url_map.iter_rules():
        if permissions.audience_of(rule.endpoint) in {permissions.Audience.PUBLIC, permissions.Audience.MACHINE}:
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "1"))[1]  # type: ignore[index]
        method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        answer = client.open(path, method=method)
        to_signin = answer.status_code == 302 and "/signin" in answer.headers["Location"]
        if answer.status_code != 401 and not to_signin:
            admitted.append((rule.rule, answer.status_code))
    assert admitted == []


def test_there_is_one_migration_head() -> None:
    assert len(ScriptDirectory.from_config(alembic_config("")).get_heads()) == 1


def test_the_models_are_what_the_migrations_make(database_urls: dict[str, str]) -> None:
    command.check(alembic_config(database_urls["owner"]))


def test_every_job_goes_to_a_queue_that_workers_look_at() -> None:
    from marketplace.pipeline import assemble, deliver, ingest, resolve, settle, split

    jobs = [
        value
        for stage in (assemble, deliver, ingest, resolve, settle, split)
        for value in vars(stage).values()
        if hasattr(value, "timeout_seconds") and hasattr(value, "queue")
    ]
    assert jobs and {job.queue for job in jobs} <= set(queue.QUEUES)

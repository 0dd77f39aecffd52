"""Guards over the whole application: every route has an audience, one migration head, models equal migrations."""

import importlib
import inspect
from pkgutil import iter_modules

from alembic import command
from alembic.script import ScriptDirectory
from flask import Flask
from werkzeug.routing import Rule

from marketplace import permissions, pipeline, queue
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
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            answer = client.open(some_path(rule), method=method)
            to_signin = answer.status_code == 302 and "/signin" in answer.headers["Location"]
            if answer.status_code != 401 and not to_signin:
                admitted.append((method, rule.rule, answer.status_code))
    assert admitted == []


def some_path(rule: Rule) -> str:
    """A path of the rule, with one of its words where it knows a few, else a number that no row has."""
    words = {name: min(getattr(converter, "items", ["1"])) for name, converter in rule._converters.items()}
    built = rule.build(words)
    assert built is not None
    return built[1]


def test_there_is_one_migration_head() -> None:
    assert len(ScriptDirectory.from_config(alembic_config("")).get_heads()) == 1


def test_the_models_are_what_the_migrations_make(database_urls: dict[str, str]) -> None:
    command.check(alembic_config(database_urls["owner"]))


def test_every_job_goes_to_a_queue_that_workers_look_at() -> None:
    stages = [
        importlib.import_module(f"marketplace.pipeline.{stage.name}") for stage in iter_modules(pipeline.__path__)
    ]
    functions = [value for stage in stages for value in vars(stage).values() if inspect.isfunction(value)]
    jobs = [function for function in functions if hasattr(function, "timeout_seconds")]
    assert {job.queue for job in jobs} == set(queue.QUEUES), "a queue without jobs is dead"

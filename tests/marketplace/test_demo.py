"""The demo world: made once in an empty marketplace, also after a start that was cut short, and worth looking at."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from marketplace import auth, deliverables, demo, people
from marketplace.config import Settings
from marketplace.data_commands import export, make_demo, simulate
from marketplace.db import db, transaction
from marketplace.errors import WrongState
from marketplace.models import (
    Assignment,
    AssignmentState,
    Frame,
    Labeler,
    Project,
    Slot,
    SlotState,
    Subtask,
    Task,
    TaskStage,
    TaskStatus,
)
from marketplace.pipeline import review
from marketplace.simulator.recording import record
from payouts import ledger
from payouts.chart import Kind
from routing.task_types import lidarannotation


@pytest.fixture
def small(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The demo is on, its drives are short, and commands find this marketplace."""
    settings: Settings = replace(app.config["SETTINGS"], demo=True)
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    for name, frames in (("FIRST_FRAMES", 8), ("MAIN_FRAMES", 3), ("GOLD_FRAMES", 2), ("PROCESSES", 1)):
        monkeypatch.setattr(demo, name, frames)
    for name in ("database_url", "migrations_database_url", "redis_url", "storage_url", "secret_key", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setenv("HOLD_HOURS", "0")
    return app


def test_the_demo_world_is_made_once_and_in_spite_of_a_break(small: Flask, tmp_path: Path) -> None:
    first, gold = record(demo.SEED_FIRST, demo.FIRST_FRAMES), record(demo.SEED_GOLD, demo.GOLD_FRAMES)
    with transaction():
        demo._begin(first, gold)  # here the power goes
    assert demo.make(), "the next start goes on where the last one was cut short"
    counts = [db.session.scalar(select(func.count()).select_from(model)) for model in (Task, Labeler, Assignment)]
    assert not demo.make(), "and the one after it has nothing to do"
    again = [db.session.scalar(select(func.count()).select_from(model)) for model in (Task, Labeler, Assignment)]
    assert counts == again
    assert_people_can_sign_in()
    task = assert_first_drive_is_done()
    assert_exports(task, tmp_path)
    assert_money_waits()
    assert_work_is_left()
    assert_a_review_waits()


def assert_people_can_sign_in() -> None:
    table = demo.sign_ins()
    for person in demo.PEOPLE:
        assert auth.check_password(person.email, demo.PASSWORD) is not None and person.email in table
    assert demo.PASSWORD in table and auth.settings().base_url in table
    assert all(db.session.scalars(select(Project.simulated)))


def assert_first_drive_is_done() -> Task:
    """Several people's windows came out as one answer that is close to the truth."""
    task = db.session.scalars(select(Task).filter_by(unique_id="demo-morning")).one()
    assert task.status is TaskStatus.COMPLETED
    of_task = select(Assignment.labeler_id).join(Subtask).where(Subtask.task_id == task.id)
    assert len(set(db.session.scalars(of_task))) > 1
    answer, truth = deliverables.answer_of(task), demo.truth_of(task.id)
    assert lidarannotation.agreement(answer, truth) > 0.7
    assert 0.8 < len(answer["tracks"]) / len(truth["tracks"]) < 1.3, "windows are joined: one object, one track"
    return task


def assert_exports(task: Task, folder: Path) -> None:
    for name in ("scale", "openlabel", "kitti-tracking"):
        path = folder / name
        done = CliRunner().invoke(export, [task.id, "--format", name, "--out", str(path), "--data", str(folder)])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["bytes"] == path.stat().st_size > 100
    refused = CliRunner().invoke(export, [task.id, "--format", "cvat", "--data", str(folder)])
    assert refused.exit_code == 1 and "openlabel" in refused.output


def assert_money_waits() -> None:
    """What was accepted is what is due; nothing was made up beside the ledger."""
    accepted = db.session.scalars(select(Assignment).filter_by(state=AssignmentState.ACCEPTED)).all()
    assert accepted and all(one.active_seconds > 0 for one in accepted)
    for email in demo.STEADINESS:
        labeler = db.session.scalars(select(Labeler).filter_by(email=f"{email}@{demo.DOMAIN}")).one()
        earned = sum(one.pay_cents for one in accepted if one.labeler_id == labeler.id)
        assert ledger.balance(db.session(), Kind.LABELER_AVAILABLE, labeler.id, "USD") == earned > 0


def assert_work_is_left() -> None:
    task = db.session.scalars(select(Task).filter_by(unique_id=f"demo-{demo.LAST}")).one()
    assert task.stage is TaskStage.LABELING
    frames = db.session.scalars(select(Frame).filter_by(task_id=task.id)).all()
    assert len(frames) == demo.MAIN_FRAMES and all(len(frame.manifest["images"]) == 3 for frame in frames)
    assert all(frame.points_count > 30_000 and frame.manifest["radar"] for frame in frames)
    assert set(db.session.scalars(select(Slot.state))) == {SlotState.OPEN, SlotState.DONE}
    assert db.session.scalar(select(func.count()).select_from(Subtask).filter_by(gold=True)) >= 5


def assert_a_review_waits() -> None:
    [waiting] = review.waiting(10)
    given = db.session.scalars(select(Assignment).filter_by(subtask_id=waiting.id))
    assert {one.answer["category"] for one in given if one.answer} == {"Roadworks", "Traffic"}


def test_a_marketplace_with_people_is_left_alone(small: Flask) -> None:
    with transaction():
        people.create_customer("Somebody", email="s@example.org", password="long enough 1")
    assert not demo.make()
    assert db.session.scalar(select(Project.id)) is None
    assert "empty data folder" in demo.sign_ins()


def test_the_demo_is_off_unless_asked_for(app: Flask) -> None:
    with pytest.raises(WrongState, match="demo world is off"):
        demo.make()


def test_simulate_says_what_is_missing(small: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEMO", "true")
    monkeypatch.setenv("BASE_URL", "http://127.0.0.1:9")
    run = ["--data", str(tmp_path), "--project", "drives"]
    assert 'no project "drives"' in CliRunner().invoke(simulate, run).output
    with transaction():
        customer = people.create_customer("Somebody", email="s@example.org").customer
        found = demo.drives.ensure_project(customer, demo.LIVE, "drives", "lidarannotation", {"labels": ["Car"]})
    assert "not simulated" in CliRunner().invoke(simulate, run).output
    with transaction():
        db.session.merge(found).simulated = True
    done = CliRunner().invoke(simulate, run)
    assert done.exit_code == 1 and "Nobody answers at http://127.0.0.1:9" in done.output


def test_the_command_prints_the_table_where_all_is_there(
    small: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEMO", "true")
    with transaction():
        people.create_customer("Somebody", email="s@example.org", password="long enough 1")
    done = CliRunner().invoke(make_demo, ["--data", str(tmp_path)])
    assert done.exit_code == 0 and "empty data folder" in done.output

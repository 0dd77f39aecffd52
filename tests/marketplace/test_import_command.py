"""`flask import` brings real data sets through the same intake and ingest as the API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from PIL import Image
from sqlalchemy import select

from marketplace import people
from marketplace.config import Settings
from marketplace.data_commands import import_data
from marketplace.db import db, transaction
from marketplace.drives import READERS
from marketplace.models import Frame, Project, Task, TaskStage
from payouts import postings
from tests.marketplace.test_importers import AV2, KITTI, NUSCENES, PANDASET, real
from tests.marketplace.test_importers_mistakes import kitti_with


@pytest.fixture
def import_into(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    settings: Settings = app.config["SETTINGS"]
    for name in ("database_url", "migrations_database_url", "redis_url", "storage_url", "secret_key", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    with transaction():
        customer = people.create_customer("Importer", email="i@example.org").customer
        postings.fund_customer(db.session(), customer.id, 1_000_000, key="test")

    def run(*words: str) -> Any:
        return CliRunner().invoke(import_data, [*words, "--data", str(tmp_path)])

    return run


def test_a_format_that_is_none_gets_the_list_of_all(import_into: Callable[..., Any], tmp_path: Path) -> None:
    done = import_into("kitti", str(tmp_path), "--project", "p")
    assert done.exit_code == 2 and all(name in done.output for name in (*READERS, "images"))


@pytest.mark.parametrize(
    ("format_name", "folder", "tasks", "frames", "images", "points_min"),
    [
        ("kitti-tracking", KITTI, 1, 2, 0, 20_000),
        ("kitti-tracking", "kitti_raw_lidar_camera", 1, 1, 1, 100_000),
        ("nuscenes", NUSCENES, 1, 1, 6, 30_000),
        ("pandaset", PANDASET, 1, 1, 3, 160_000),
        ("argoverse2", AV2, 2, 1, 0, 90_000),
    ],
)
def test_a_real_drive_is_ready_to_label(
    import_into: Callable[..., Any],
    run_jobs: Callable[[], None],
    format_name: str,
    folder: str,
    tasks: int,
    frames: int,
    images: int,
    points_min: int,
) -> None:
    done = import_into(format_name, str(real(folder)), "--project", "drives", "--frames", str(frames))
    assert done.exit_code == 0, done.output
    listed = json.loads(done.stdout)["tasks"]
    assert len(listed) == tasks
    run_jobs()
    for task_id in listed:
        task = db.session.get_one(Task, task_id, populate_existing=True)
        assert task.stage is TaskStage.LABELING, task.response
        stored = db.session.scalars(select(Frame).filter_by(task_id=task_id)).all()
        assert len(stored) == frames and all(frame.points_count > points_min for frame in stored)
        assert all(len(frame.manifest["images"]) == images for frame in stored)
        assert task.params["labels"]


def test_pictures_become_tasks_for_boxes(
    import_into: Callable[..., Any], run_jobs: Callable[[], None], tmp_path: Path
) -> None:
    folder = real("street_images_seg") / "carnd"
    done = import_into("images", str(folder), "--project", "street", "--frames", "2", "--label", "Car")
    assert done.exit_code == 0, done.output
    run_jobs()
    for task_id in json.loads(done.stdout)["tasks"]:
        task = db.session.get_one(Task, task_id, populate_existing=True)
        assert task.stage is TaskStage.LABELING
        [image] = db.session.get_one(Frame, (task_id, 0)).manifest["images"]
        assert (image["width"], image["height"]) == (1280, 720)


def test_what_a_drive_lacks_is_said_and_its_readings_are_kept(
    import_into: Callable[..., Any], run_jobs: Callable[[], None], tmp_path: Path
) -> None:
    folder = kitti_with(tmp_path / "0007", sweeps=5, records=6, pictures=(0, 1, 3, 5))
    done = import_into("kitti-tracking", str(folder), "--project", "drives")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["notes"] == ['0007: No image of the camera "image_02" in 2 of 5 frames: 2, 4.']
    run_jobs()
    [task_id] = said["tasks"]
    assert db.session.get_one(Task, task_id, populate_existing=True).stage is TaskStage.LABELING
    manifest = db.session.get_one(Frame, (task_id, 4)).manifest
    assert manifest["imu"]["specific_force"] == [[0.5, -0.25, 9.75]] and manifest["gps"]["lat"] == 49


def test_folders_that_do_not_go_together_are_not_imported(import_into: Callable[..., Any], tmp_path: Path) -> None:
    folder = kitti_with(tmp_path / "0007", sweeps=5, records=4)
    done = import_into("kitti-tracking", str(folder), "--project", "drives")
    assert done.exit_code == 1 and "0007: sweep 000004 has no pose" in done.output and "Traceback" not in done.output
    assert db.session.scalar(select(Task.id)) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kitti-tracking", "{}", "--project", "p"), "velodyne"),
        (("images", "{}", "--project", "p"), "no pictures"),
        (("images", "{}", "--project", "p", "--customer", "Nobody"), 'no customer "Nobody"'),
    ],
)
def test_what_cannot_be_imported_is_said_and_nothing_stays(
    import_into: Callable[..., Any], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = import_into(*(word.format(tmp_path) for word in words))
    assert done.exit_code == 1 and said in done.output and "Traceback" not in done.output
    assert db.session.scalar(select(Project.id)) is None and db.session.scalar(select(Task.id)) is None


def test_without_funds_nothing_is_imported(import_into: Callable[..., Any], tmp_path: Path) -> None:
    with transaction():
        people.create_customer("Poor", email="p@example.org")
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    done = import_into("images", str(tmp_path), "--project", "p", "--customer", "p@example.org")
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert "$0.00 is available" in done.output and db.session.scalar(select(Task.id)) is None


def test_with_several_customers_one_must_be_named(import_into: Callable[..., Any], tmp_path: Path) -> None:
    with transaction():
        people.create_customer("Another", email="a@example.org")
    done = import_into("images", str(tmp_path), "--project", "p")
    assert done.exit_code == 1 and "--customer" in done.output

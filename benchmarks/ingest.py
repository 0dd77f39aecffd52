"""Frames ingested: reading and checking the customers' JSON, and the compact form that the browser streams.

`python -m benchmarks.ingest [--data DIR] [--seconds N] [--frames N]`

First one frame at a time on one core, beside plain Python (json.loads, lists, 32-bit floats) and orjson with numpy,
both without any check; then whole drives through the pipeline's stage, with fetch, storage and rows.
"""

import argparse
import array
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from benchmarks import drives
from benchmarks.claim_world import World, world
from marketplace import people
from marketplace.app import create_app
from marketplace.db import db, transaction
from marketplace.drives import submit_drive
from marketplace.formats import frame_json, points
from marketplace.formats.datasets import kitti_tracking, pandaset
from marketplace.models import Customer, KeyMode, Task, TaskStage
from marketplace.pipeline.ingest import ingest_task
from payouts import postings
from routing.scene import Drive, Frame

POINTS_MAX = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=drives.DATA)
    parser.add_argument("--seconds", type=float, default=3, help="for each cell of the first table")
    parser.add_argument("--frames", type=int, default=24, help="of the drive in the second table")
    options = parser.parse_args()
    found = recorded(options.data) or {}
    if not found:
        print(f"\nNo real drives under {options.data}: made ones only.")
    found["made: 200,000 points"] = Drive("made", options.frames, made)
    print_codecs(found, options.seconds)
    print_stage(found, options.frames)


def recorded(data: Path) -> dict[str, Drive]:
    """Real drives with their points alone: pictures are copied, not read."""
    readers = {
        "KITTI 0000 (camera's view)": (kitti_tracking.read, "kitti_tracking_0000"),
        "PandaSet sample": (pandaset.read, "pandaset_scale_sample"),
    }
    return {
        name: read(data / "sensor" / folder)[0]
        for name, (read, folder) in readers.items()
        if (data / "sensor" / folder).is_dir()
    }


def made(number: int) -> Frame:
    dice = np.random.default_rng(number)
    angle, distance = dice.uniform(-np.pi, np.pi, 200_000), dice.gamma(2, 15, 200_000)
    height = dice.normal(-1.5, 0.8, 200_000)
    cloud = np.column_stack([distance * np.cos(angle), distance * np.sin(angle), height])
    return Frame(cloud, dice.random(200_000), timestamp=number / 10)


# One frame at a time


def ours(content: bytes) -> bytes:
    frame = frame_json.read(content, number=0, points_max=POINTS_MAX).frame
    return points.encode(frame.points, frame.intensity, frame.sensor)


def plain_python(content: bytes) -> bytes:
    values = array.array("f")
    for point in json.loads(content)["points"]:
        values.extend((point["x"], point["y"], point["z"], point.get("i", 0.0)))
    return values.tobytes()


def orjson_numpy(content: bytes) -> bytes:
    listed = orjson.loads(content)["points"]
    return np.array([(p["x"], p["y"], p["z"], p.get("i", 0.0)) for p in listed], dtype="<f4").tobytes()


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "Labelyard": ours,
    "plain Python": plain_python,
    "orjson + numpy": orjson_numpy,
}


def print_codecs(found: dict[str, Drive], seconds: float) -> None:
    print(
        "\nOne frame from its JSON to the form that is streamed, per second of one core (ratio: Labelyard to the row)"
    )
    print(f"{'drive':<28} {'points':>8} {'JSON MB':>8}  {'way':<15} {'frames/s':>9} {'bytes/point':>12} {'ratio':>6}")
    for name, drive in found.items():
        frame = replace(drive.read(0), images=())
        content = frame_json.write(frame, ())
        rates = {way: rate(work, content, seconds) for way, work in WAYS.items()}
        for way, (per_second, size) in rates.items():
            count = len(frame.points)
            cells = f"{name:<28} {count:>8} {len(content) / 1e6:>8.1f}  {way:<15} {per_second:>9.1f}"
            print(f"{cells} {size / count:>12.2f} {rates['Labelyard'][0] / per_second:>6.1f}", flush=True)
        error = np.abs(points.decode(ours(content))[0] - np.round(frame.points, 3)).max()
        print(f"{'':<28} a coordinate moves by {error * 1e3:.2f} mm at most")


def rate(work: Callable[[bytes], bytes], content: bytes, seconds: float) -> tuple[float, int]:
    """Runs per second of processor time, all threads together, so that other work on the machine counts little."""
    size, runs, began = len(work(content)), 0, time.process_time()
    while time.process_time() < began + seconds:
        work(content)
        runs += 1
    return runs / (time.process_time() - began), size


# The whole stage


def print_stage(found: dict[str, Drive], frames: int) -> None:
    print("\nWhole drives through the ingest stage: files read, checked, encoded, stored, rows committed; one worker")
    print(
        f"{'drive':<28} {'frames':>7} {'images':>7} {'points':>10} {'frames/s':>9} {'points/s':>11} {'stored MB':>10}"
    )
    with world() as place:
        for name, drive in found.items():
            images, count, seconds, stored = ingest(place, drive, min(frames, drive.frame_count))
            per_frame = min(frames, drive.frame_count) / seconds
            cells = f"{name:<28} {min(frames, drive.frame_count):>7} {images:>7} {count:>10} {per_frame:>9.1f}"
            print(f"{cells} {count / seconds:>11,.0f} {stored / 1e6:>10.1f}", flush=True)


def ingest(place: World, drive: Drive, frames: int) -> tuple[int, int, float, int]:
    app = create_app(place.settings())
    with app.app_context():
        with transaction():
            customer_id = people.create_customer("Bench", email="bench@example.org").customer.id
            postings.fund_customer(db.session(), customer_id, 100_000_000, key=f"bench:{customer_id}")
        with transaction():
            owner = db.session.get_one(Customer, customer_id)
            task = submit_drive(owner, KeyMode.LIVE, drive.name, drive, frames_max=frames, labels=("Car",))
            task_id = task.id
        began = time.perf_counter()
        ingest_task(task_id)
        seconds = time.perf_counter() - began
        with transaction():
            done = db.session.get_one(Task, task_id)
            assert done.stage is not TaskStage.RECEIVED and done.status.value == "pending", done.response
            rows = db.session.execute(
                db.text("SELECT points_count, manifest FROM frame WHERE task_id = :id"), {"id": task_id}
            ).all()
    stored = sum(file.stat().st_size for file in (place.folder / "storage" / "frames" / task_id).glob("*.lypf"))
    return sum(len(row.manifest["images"]) for row in rows), sum(row.points_count for row in rows), seconds, stored


if __name__ == "__main__":
    main()

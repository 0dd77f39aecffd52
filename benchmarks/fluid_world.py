"""A simulated drive with 200,000 points a frame in a running Labelyard, claimed, its objects in the draft."""

import io
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import requests
from scaleapi import ScaleClient
from scaleapi.tasks import TaskType

from benchmarks.running import Running
from marketplace.formats import frame_json
from marketplace.simulator import lidar
from marketplace.simulator.recording import Moment, Recording, record
from routing.types import Answer

POINTS = 200_000
SEED, SECONDS_PER_FRAME = 5, 0.1
TURNS_MAX = 16  # of the sensor, until there are points enough
EMAIL, PASSWORD = "lena@bench.example", "long enough 1"
PROJECT = "Fluid"


@dataclass(frozen=True)
class Work:
    """A claimed window: Labelyard's address, and that of the window's page."""

    home: str
    page: str


def prepare(yard: Running, frames: int) -> Work:
    """Send the drive, claim it, and save its true tracks as the draft, the car with the most points first."""
    drive = dense(frames)
    customer = yard.flask("customer", "create", "Bench", "--email", "b@bench.example", "--fund", "100000")
    skill = ("--qualify", "lidarannotation")
    labeler = yard.flask("labeler", "create", "Lena", "--email", EMAIL, "--password", PASSWORD, *skill)
    send(ScaleClient(customer["live_key"], api_instance_url=f"{yard.url}/v1"), drive)
    web = requests.Session()
    web.headers["Authorization"] = f"Bearer {labeler['token']}"
    held = claim(web, yard)
    body = {"epoch": held["epoch"], "answer": draft_of(drive)}
    web.put(f"{yard.url}/labeler/assignments/{held['id']}/draft", json=body, timeout=60).raise_for_status()
    return Work(yard.url, f"{yard.url}/assignments/{held['id']}")


def dense(frames: int) -> Recording:
    """The demo's street as a sensor with more beams sees it: turns at other angles until there are enough points."""
    drive = record(SEED, frames, seconds_per_frame=SECONDS_PER_FRAME)
    moments = tuple(densened(drive, moment, number) for number, moment in enumerate(drive.moments))
    return replace(drive, moments=moments)


def densened(drive: Recording, moment: Moment, number: int) -> Moment:
    dice = np.random.default_rng([SEED, number])
    moment_s = number * SECONDS_PER_FRAME
    x, y, yaw = drive.street.ego(moment_s)
    turns: list[lidar.Sweep] = []
    while sum(len(turn.points) for turn in turns) < POINTS:
        assert len(turns) < TURNS_MAX, "the simulated sensor sees too little"
        eye = np.array([x, y, moment.frame.device.position[2] + 0.02 * len(turns)])
        turned = yaw + dice.uniform() * lidar.STEP
        turns.append(lidar.sweep(drive.street.at(moment_s), drive.street.road, eye, turned, dice))
    # In the order of a real sensor's file, beam by beam: nothing of what is fair here is the benchmark's gift.
    points = np.concatenate([turn.points for turn in turns])[:POINTS]
    intensity = np.concatenate([turn.intensity for turn in turns])[:POINTS]
    return replace(moment, frame=replace(moment.frame, points=points, intensity=intensity))


def draft_of(drive: Recording) -> Answer:
    points = drive.moments[0].points
    tracks: list[dict[str, Any]] = list(drive.tracks()["tracks"])

    def seen(track: dict[str, Any]) -> tuple[bool, int]:
        is_there = track["label"] == "Car" and track["cuboids"][0]["frame"] == 0
        return is_there, points.get(int(track["id"].split("-")[1]), 0)

    tracks.sort(key=seen, reverse=True)
    return {"tracks": [track | {"id": str(number)} for number, track in enumerate(tracks, 1)]}


def send(client: ScaleClient, drive: Recording) -> None:
    def upload(content: bytes, name: str) -> str:
        file = io.BytesIO(content)
        file.name = name
        return str(client.upload_file(file, project_name=PROJECT).attachment_url)

    labels = ["Car", "Truck", "Pedestrian", "Cyclist"]
    client.create_project(PROJECT, TaskType.LidarAnnotation, params={"labels": labels})
    addresses = []
    for number, moment in enumerate(drive.moments):
        images = [upload(image.content, f"{number}-{image.name}.png") for image in moment.frame.images]
        addresses.append(upload(frame_json.write(moment.frame, images), f"{number}.json"))
    options: dict[str, Any] = {"attachments": addresses, "attachment_type": "json", "labels": labels}
    client.create_task(TaskType.LidarAnnotation, project=PROJECT, **options)


def claim(web: requests.Session, yard: Running) -> dict[str, Any]:
    """Waits until the drive is taken in and split."""
    for _ in range(120):
        answer = web.post(f"{yard.url}/labeler/claim", json={}, timeout=60).json()
        if answer["assignment"]:
            return dict(answer["assignment"])
        time.sleep(1)
    raise AssertionError(f"no work came: {answer['reason']}")

"""What an outside program can do with the commands and the two HTTP contracts alone: a drive in, its tracks out."""

import hashlib
import hmac
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from scaleapi import ScaleClient
from scaleapi.tasks import TaskType

from benchmarks.running import ROOT, Running
from tests.journeys.conftest import Receiver

KITTI = ROOT.parent / "shared" / "data" / "sensor" / "kitti_tracking_0000"
LABELERS = 3


def frames_of_kitti(count: int) -> tuple[list[bytes], dict[str, dict[int, dict[str, Any]]]]:
    """The first frames in the documented JSON, and the human tracks in the world frame: {id: {frame: cuboid}}."""
    openlabel = json.loads(next(KITTI.glob("openlabel*.json")).read_text())["openlabel"]
    velo_to_cam, rect = calibration()
    frames, truth = [], defaultdict(dict)
    labels = [line.split() for line in (KITTI / "label_02_0000.txt").read_text().splitlines()]
    for number in range(count):
        world = pose_of(openlabel, number) @ lidar_in_vehicle()
        packed = np.load(KITTI / "velodyne_fov" / f"{number:06d}.npz")
        points = packed["xyz"][::4].astype(float) / 500
        points = points @ world[:3, :3].T + world[:3, 3]
        intensity = packed["i"][::4] / 255
        frames.append(frame_json(points, intensity, world, number))
        cam_to_world = world @ np.linalg.inv(rect @ velo_to_cam)
        for row in labels:
            if int(row[0]) == number and row[2] != "DontCare":
                truth[row[1]][number] = cuboid_of(row, cam_to_world)
    return frames, dict(truth)


def calibration() -> tuple[np.ndarray, np.ndarray]:
    rows = {
        line.split()[0].rstrip(":"): np.array(line.split()[1:], float)
        for line in (KITTI / "calib_0000.txt").read_text().splitlines()
        if line.strip()
    }
    velo = np.eye(4)
    velo[:3] = next(v for k, v in rows.items() if k.startswith("Tr_velo")).reshape(3, 4)
    rect = np.eye(4)
    rect[:3, :3] = next(v for k, v in rows.items() if k.startswith(("R0_rect", "R_rect"))).reshape(3, 3)
    return velo, rect


def pose_of(openlabel: dict[str, Any], number: int) -> np.ndarray:
    transforms = openlabel["frames"][str(number)]["frame_properties"]["transforms"]
    [transform] = [t for name, t in transforms.items() if "odom" in name]
    return np.array(transform["transform_src_to_dst"]["matrix4x4"], float).reshape(4, 4)


def lidar_in_vehicle() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = [0.76, 0.0, 1.73]
    return matrix


def frame_json(points: np.ndarray, intensity: np.ndarray, world: np.ndarray, number: int) -> bytes:
    heading = yaw_of(world[:3, :3])
    return json.dumps(
        {
            "device_position": dict(zip("xyz", world[:3, 3].tolist(), strict=True)),
            "device_heading": {"w": float(np.cos(heading / 2)), "x": 0.0, "y": 0.0, "z": float(np.sin(heading / 2))},
            "timestamp": number / 10,
            "points": [
                {"x": x, "y": y, "z": z, "i": i}
                for (x, y, z), i in zip(np.round(points, 3).tolist(), np.round(intensity, 3).tolist(), strict=True)
            ],
            "images": [],
            "radar_points": [],
        }
    ).encode()


def yaw_of(rotation: np.ndarray) -> float:
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))


def cuboid_of(row: list[str], cam_to_world: np.ndarray) -> dict[str, Any]:
    height, width, length, x, y, z, ry = map(float, row[10:17])
    centre = cam_to_world @ np.array([x, y - height / 2, z, 1])
    forward = cam_to_world[:3, :3] @ np.array([np.cos(ry), 0, -np.sin(ry)])
    return {
        "label": row[2],
        "position": centre[:3].tolist(),
        "dimensions": [length, width, height],
        "yaw": float(np.arctan2(forward[1], forward[0])),
    }


def answer_of(subtask: dict[str, Any], truth: dict[str, dict[int, dict[str, Any]]]) -> dict[str, Any]:
    """A perfect labeler's answer for one window, with ids of her own."""
    numbers = {frame["index"] for frame in subtask["frames"]}
    tracks = []
    for identity, cuboids in truth.items():
        seen = [
            {"frame": n, "key": True, **{k: c[k] for k in ("position", "dimensions", "yaw")}}
            for n, c in sorted(cuboids.items())
            if n in numbers
        ]
        if seen:
            label = next(iter(cuboids.values()))["label"]
            local = hashlib.sha256(f"{subtask['id']}{identity}".encode()).hexdigest()[:8]
            tracks.append({"id": local, "label": label, "attributes": {}, "cuboids": seen})
    return {"tracks": tracks}


def work_off(url: str, token: str, truth: dict[str, dict[int, dict[str, Any]]]) -> int:
    """Claim and answer until there is nothing more for this labeler."""
    web = requests.Session()
    web.headers["Authorization"] = f"Bearer {token}"
    for done in range(100):
        claim = web.post(f"{url}/labeler/claim", json={"types": ["lidarannotation"]}, timeout=30).json()
        assignment = claim["assignment"]
        if assignment is None:
            return done
        body = {"epoch": assignment["epoch"], "answer": answer_of(assignment["subtask"], truth), "active_seconds": 60}
        answer = web.post(f"{url}/labeler/assignments/{assignment['id']}/submit", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
    raise AssertionError("more than 100 subtasks")


def until(condition: Any, seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.mark.skipif(not KITTI.exists(), reason=f"the real drive is not here: {KITTI.name}")
@pytest.mark.journey
def test_a_real_drive_goes_in_and_its_tracks_come_out(labelyard: Running, receiver: Receiver, tmp_path: Path) -> None:
    frames, truth = frames_of_kitti(40)
    customer = labelyard.flask("customer", "create", "Outside GmbH", "--email", "o@example.org", "--fund", "1000000")
    tokens = [
        labelyard.flask(
            "labeler",
            "create",
            f"L{n}",
            "--email",
            f"l{n}@example.org",
            "--password",
            "long enough 1",
            "--qualify",
            "lidarannotation",
        )["token"]
        for n in range(LABELERS)
    ]
    client = ScaleClient(customer["live_key"], api_instance_url=f"{labelyard.url}/v1")
    client.create_project("kitti", TaskType.LidarAnnotation, params={"labels": ["Car", "Van", "Pedestrian", "Cyclist"]})
    attachments = []
    for number, frame in enumerate(frames):
        path = tmp_path / f"{number:06d}.json"
        path.write_bytes(frame)
        with path.open("rb") as file:
            attachments.append(client.upload_file(file, project_name="kitti").attachment_url)
    task = client.create_task(
        TaskType.LidarAnnotation,
        project="kitti",
        attachments=attachments,
        attachment_type="json",
        instruction="Every car, van, person and cyclist.",
        labels=["Car", "Van", "Pedestrian", "Cyclist"],
        callback_url=receiver.url,
        unique_id="kitti-0000",
        window_frames=12,
        window_overlap=3,
    )

    def work() -> bool:
        for token in tokens:
            work_off(labelyard.url, token, truth)
        return bool(receiver.received)

    until(work, 120, "the callback")
    headers, body = receiver.received[0]
    assert headers["scale-callback-auth"] == customer["callback_auth_key"]
    stamp, signature = (part.partition("=")[2] for part in headers["labelyard-signature"].split(","))
    expected = hmac.new(customer["signing_secret"].encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(signature, expected)
    assert json.loads(body)["task_id"] == task.id

    done = client.get_task(task.id)
    assert done.status == "completed"
    delivered = requests.get(done.response["annotations"]["url"], timeout=30).json()
    assert len(delivered) == len(frames)
    assert_tracks_equal(delivered, truth, len(frames))


def assert_tracks_equal(delivered: list[dict[str, Any]], truth: dict[str, Any], frame_count: int) -> None:
    """Each true track is one uuid through the whole drive, at its true place, and nothing else is there."""
    uuids: dict[str, set[str]] = defaultdict(set)
    for number in range(frame_count):
        wanted = {identity: cuboids[number] for identity, cuboids in truth.items() if number in cuboids}
        cuboids = delivered[number]["cuboids"]
        assert len(cuboids) == len(wanted), f"frame {number}"
        for identity, true in wanted.items():
            distances = [
                np.linalg.norm(np.array([c["position"][a] for a in "xyz"]) - true["position"]) for c in cuboids
            ]
            best = cuboids[int(np.argmin(distances))]
            assert min(distances) < 1e-6 and best["label"] == true["label"]
            length, width, height = true["dimensions"]
            assert best["dimensions"] == pytest.approx({"x": width, "y": length, "z": height})
            turned = best["yaw"] - (true["yaw"] - np.pi / 2)  # the contract's zero is along +y
            assert abs(np.arctan2(np.sin(turned), np.cos(turned))) < 1e-6
            uuids[identity].add(best["uuid"])
    assert all(len(found) == 1 for found in uuids.values()), "an object changed its id"
    assert len(set().union(*uuids.values())) == len(uuids), "two objects share an id"

"""A recorded drive through the simulated street: its frames, the exact tracks, and the exact boxes of its images."""

from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from multiprocessing import get_context
from typing import Any

import numpy as np

from marketplace.simulator import camera, imu, lidar, radar, street
from marketplace.simulator.solids import turn
from marketplace.simulator.street import LABELS, Street
from routing.scene import Camera, Drive, Frame, Gps, Image, Imu, Pose
from routing.types import Answer

SECONDS_PER_FRAME = 0.2
LIDAR_HEIGHT = 1.9
POINTS_MIN = 8  # fewer than that, and a labeler cannot know what it is
TRUTH_METRES_MAX = 45.0
BOX_PIXELS_MIN = 16.0
LATITUDE, LONGITUDE = 47.3769, 8.5417
METRES_PER_DEGREE = 111_320.0
IMU_DICE, IMU_BIAS_DICE = 1, 2  # what parts the inertial sensor's chance from the other sensors'


@dataclass(frozen=True)
class Moment:
    """One frame, how many points each actor got, and per camera the boxes of the actors in its image."""

    frame: Frame
    points: dict[int, int]
    boxes: dict[str, dict[int, list[float]]]


@dataclass(frozen=True)
class Recording:
    street: Street
    seconds_per_frame: float
    moments: tuple[Moment, ...]

    def drive(self, name: str) -> Drive:
        def read(number: int) -> Frame:
            return self.moments[number].frame

        return Drive(name, len(self.moments), read, LABELS, self.tracks(), "simulated")

    def tracks(self) -> Answer:
        """The true answer: every actor in the frames in which it is near and has points enough."""
        found = []
        for number, actor in enumerate(self.street.actors):
            cuboids = []
            for k, moment in enumerate(self.moments):
                position, dimensions, yaw = actor.cuboid(k * self.seconds_per_frame)
                away = np.hypot(*(np.array(position) - moment.frame.device.position)[:2])
                if moment.points.get(number, 0) >= POINTS_MIN and away <= TRUTH_METRES_MAX:
                    yaw = float(np.arctan2(np.sin(yaw), np.cos(yaw)))
                    row = {"frame": k, "position": position, "dimensions": dimensions, "yaw": yaw, "key": True}
                    cuboids.append(row)
            if cuboids:
                track = {"id": f"{actor.label.lower()}-{number}", "label": actor.label, "attributes": {}}
                found.append(track | {"cuboids": cuboids})
        return {"tracks": found}

    def boxes(self, number: int, camera_name: str) -> Answer:
        """The true answer of an image task about one camera's image."""
        found = []
        for owner, (left, top, width, height) in self.moments[number].boxes[camera_name].items():
            label = self.street.actors[owner].label
            sides = {"left": left, "top": top, "width": width, "height": height}
            found.append({"id": f"{label.lower()}-{owner}", "type": "box", "label": label, **sides, "attributes": {}})
        return {"annotations": found}

    def image(self, number: int, camera_name: str) -> bytes:
        return next(image.content for image in self.moments[number].frame.images if image.name == camera_name)


def record(
    seed: int, frame_count: int, *, seconds_per_frame: float = SECONDS_PER_FRAME, crew: Executor | None = None
) -> Recording:
    """Drive through the street of this seed; the same arguments give the same recording, whoever helps."""
    times = [k * seconds_per_frame for k in range(frame_count)]
    if crew is None:
        moments = [_moment(seed, time, seconds_per_frame) for time in times]
    else:
        moments = list(crew.map(_moment, repeat(seed), times, repeat(seconds_per_frame), chunksize=2))
    return Recording(_street(seed), seconds_per_frame, tuple(moments))


def hire(processes: int) -> Executor:
    """Processes that make recordings faster. Fresh ones: a fork would share our connections to the database."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))


@lru_cache(maxsize=4)
def _street(seed: int) -> Street:
    return street.build(seed)


def _moment(seed: int, time: float, seconds_per_frame: float) -> Moment:
    """What the sensors see at one moment, and felt since the one before: a function of its arguments alone."""
    world = _street(seed)
    dice = np.random.default_rng([seed, round(time * 1000)])
    x, y, yaw = world.ego(time)
    eye = np.array([x, y, LIDAR_HEIGHT])
    things = world.at(time)
    sweep = lidar.sweep(things, world.road, eye, yaw, dice)
    owners, counts = np.unique(sweep.owner[sweep.owner >= 0], return_counts=True)
    points = dict(zip(owners.tolist(), counts.tolist(), strict=True))
    seen = camera.cameras(x, y, yaw)
    images = tuple(Image(name, one, camera.paint(things, world.road, one), time) for name, one in seen)
    near = [number for number, count in points.items() if count >= POINTS_MIN]
    boxes = {name: _boxes(world, time, one, near) for name, one in seen}
    frame = Frame(
        points=sweep.points,
        intensity=sweep.intensity,
        timestamp=round(time, 3),
        device=Pose((float(x), float(y), LIDAR_HEIGHT), (float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2)))),
        gps=_gps(x, y, yaw),
        imu=_imu(seed, time, seconds_per_frame),
        radar=radar.returns(sweep, world.actors, time, eye, yaw, dice),
        images=images,
    )
    return Moment(frame, points, boxes)


def _gps(x: float, y: float, yaw: float) -> Gps:
    """x is east, y is north; the bearing is clockwise from north."""
    latitude = LATITUDE + y / METRES_PER_DEGREE
    longitude = LONGITUDE + x / (METRES_PER_DEGREE * np.cos(np.radians(LATITUDE)))
    return Gps(float(latitude), float(longitude), float((90 - np.degrees(yaw)) % 360))


def _imu(seed: int, time: float, seconds_per_frame: float) -> Imu:
    """The readings since the frame before; the first frame has the one of its own moment."""
    tick = 1 / imu.RATE_HZ
    moments = imu.times(max(time - seconds_per_frame, -tick), time)
    dice = np.random.default_rng([seed, round(time * 1000), IMU_DICE])
    truth = imu.exact(_street(seed).ego, moments)
    return imu.measured(truth, imu.bias(np.random.default_rng([seed, IMU_BIAS_DICE])), dice)


def _boxes(world: Street, time: float, one: Camera, numbers: Sequence[int]) -> dict[int, list[float]]:
    placed: dict[int, Any] = {thing.owner: thing for thing in world.at(time) if thing.owner in set(numbers)}
    found = {}
    for number, thing in placed.items():
        pixels, depth = camera.project(one, thing.body.vertices @ turn(thing.yaw).T + thing.position)
        if (depth < 0.5).any():  # half behind us: its outline is not that of its corners
            continue
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        left, top = np.clip(low, 0, [one.width, one.height])
        right, bottom = np.clip(high, 0, [one.width, one.height])
        if right - left >= BOX_PIXELS_MIN / 2 and bottom - top >= BOX_PIXELS_MIN:
            found[number] = [round(float(v), 1) for v in (left, top, right - left, bottom - top)]
    return found

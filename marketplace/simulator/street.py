"""A seeded street: where everything stands at a moment, and which of it a labeler is to find."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from marketplace.simulator import models
from marketplace.simulator.models import Dice
from marketplace.simulator.solids import Array, Body, turn

CAR, TRUCK, PEDESTRIAN, CYCLIST = "Car", "Truck", "Pedestrian", "Cyclist"
LABELS = (CAR, TRUCK, PEDESTRIAN, CYCLIST)

LANE, PARKING, KERB, FRONTS = 1.75, 4.6, 5.8, 9.6  # metres from the middle of the road
FROM, TO = -70.0, 190.0  # metres along the road that are built on
CROSSING = (62.0, 66.0)  # metres along the road between which people cross it
WAITING = 6.3  # metres from the middle of the road, where people wait to cross
STRIDE_METRES = 1.5


@dataclass(frozen=True)
class Road:
    """The middle of a gently bending road, by metres along it."""

    bend: float
    length: float
    shift: float

    def heading(self, s: Array | float) -> Array:
        return np.asarray(self.bend * np.sin(2 * np.pi * (np.asarray(s) + self.shift) / self.length))

    def place(self, s: float, aside: float) -> tuple[float, float, float]:
        """x, y and heading `s` metres along and `aside` metres to the left of the middle."""
        x, y = self.places(s, aside)
        return float(x), float(y), float(self.heading(s))

    def places(self, s: Array | float, aside: Array | float) -> tuple[Array, Array]:
        yaw = self.heading(s)
        return s - aside * np.sin(yaw), self.y(s) + aside * np.cos(yaw)

    def y(self, x: Array | float) -> Array:
        """The heading is small enough to be the slope: metres along and x are one."""
        k = 2 * np.pi / self.length
        return np.asarray(self.bend / k * (np.cos(k * self.shift) - np.cos(k * (np.asarray(x) + self.shift))))

    def aside(self, points: Array) -> Array:
        """How far (n, 2+) points lie to the left of the middle."""
        return (points[:, 1] - self.y(points[:, 0])) * np.cos(self.heading(points[:, 0]))


@dataclass(frozen=True)
class Actor:
    """Something that a labeler is to find: its bodies (the phases of its gait) and its way."""

    label: str
    bodies: tuple[Body, ...]
    way: Callable[[float], tuple[float, float, float]]  # x, y, heading by time
    size: Array = field(init=False)
    middle: Array = field(init=False)

    def __post_init__(self) -> None:
        size, middle = models.dimensions_of(list(self.bodies))
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "middle", middle)

    def cuboid(self, time: float) -> tuple[list[float], list[float], float]:
        """Position of the centre, dimensions and yaw, in the answers' convention."""
        x, y, yaw = self.way(time)
        position = turn(yaw) @ self.middle + np.array([x, y, 0.0])
        return position.tolist(), self.size.tolist(), float(yaw)

    def velocity(self, time: float) -> Array:
        step = 0.05
        before, after = np.array(self.way(time - step)), np.array(self.way(time + step))
        return np.array([*((after - before)[:2] / (2 * step)), 0.0])


@dataclass(frozen=True)
class Placed:
    """A body where it is at one moment; `owner` is the number of its actor, or -1."""

    body: Body
    position: Array
    yaw: float
    owner: int = -1


@dataclass(frozen=True)
class Street:
    road: Road
    scenery: tuple[Placed, ...]
    actors: tuple[Actor, ...]
    ego: Callable[[float], tuple[float, float, float]]

    def at(self, time: float) -> list[Placed]:
        return [*self.scenery, *(_placed(actor, k, time) for k, actor in enumerate(self.actors))]


def _placed(actor: Actor, number: int, time: float) -> Placed:
    x, y, yaw = actor.way(time)
    walked = float(np.linalg.norm(actor.velocity(time))) * time
    body = actor.bodies[int(walked / STRIDE_METRES * len(actor.bodies)) % len(actor.bodies)]
    return Placed(body, np.array([x, y, 0.0]), float(yaw), number)


def build(seed: int, *, ego_speed: float = 6.0) -> Street:
    dice = np.random.default_rng(seed)
    road = Road(bend=0.06 + 0.05 * dice.random(), length=150 + 60 * dice.random(), shift=60 * dice.random())
    actors = [*_parked(dice, road), *_driving(dice, road, ego_speed), *_people(dice, road)]
    return Street(road, tuple(_scenery(dice, road)), tuple(actors), _along(road, 0.0, -LANE, ego_speed))


def _along(road: Road, start: float, aside: float, speed: float) -> Callable[[float], tuple[float, float, float]]:
    """Along the road; a negative speed is oncoming, and looks where it goes."""

    def way(time: float) -> tuple[float, float, float]:
        x, y, yaw = road.place(start + speed * time, aside)
        return x, y, yaw if speed >= 0 else yaw + np.pi

    return way


def _parked(dice: Dice, road: Road) -> list[Actor]:
    found = []
    for side in (-1, 1):
        s = FROM + 12 * dice.random()
        while s < TO:
            is_truck = dice.random() < 0.12
            clear = not CROSSING[0] - 7 < s < CROSSING[1] + 7
            if clear:
                body = models.truck(dice) if is_truck else models.car(dice)
                way = _along(road, s, side * (PARKING + 0.1 * dice.normal()), 1e-9 * -side)
                found.append(Actor(TRUCK if is_truck else CAR, (body,), way))
            s += (14 if is_truck else 9) + 16 * dice.random() ** 2
    return found


def _driving(dice: Dice, road: Road, ego_speed: float) -> list[Actor]:
    ways = [
        (CAR, models.car(dice), _along(road, 17 + 4 * dice.random(), -LANE, ego_speed * (1 + 0.1 * dice.random()))),
        (CAR, models.car(dice), _along(road, -14 - 5 * dice.random(), -LANE, ego_speed * 0.97)),
        (CAR, models.car(dice), _along(road, 46 + 8 * dice.random(), LANE, -7 - 2 * dice.random())),
        (TRUCK, models.truck(dice), _along(road, 95 + 10 * dice.random(), LANE, -6 - dice.random())),
        (CAR, models.car(dice), _along(road, 125 + 10 * dice.random(), LANE, -6.5)),
    ]
    found = [Actor(label, (body,), way) for label, body, way in ways]
    for start, aside, speed in ((11, -3.2, 4.2), (38, 3.2, -4.6), (70, -3.2, 3.8)):
        way = _along(road, start + 5 * dice.random(), aside, speed)
        found.append(Actor(CYCLIST, tuple(models.cyclist(dice)), way))
    return found


def _people(dice: Dice, road: Road) -> list[Actor]:
    found = []
    for k, s in enumerate(np.arange(-20, 130, 13.0).tolist()):
        side = 1 if dice.random() < 0.5 else -1
        speed = 0.0 if dice.random() < 0.25 else (1.1 + 0.4 * dice.random()) * (1 if dice.random() < 0.5 else -1)
        aside = side * (7.05 + 0.62 * (k % 3))  # neighbours pass each other
        bodies = tuple(models.pedestrian(dice, child=dice.random() < 0.15))
        found.append(Actor(PEDESTRIAN, bodies, _along(road, s + 8 * dice.random(), aside, speed)))
    for s, start, side in ((62.6, -2.5, 1), (64.2, 5.5, -1)):  # when nobody drives there
        found.append(Actor(PEDESTRIAN, tuple(models.pedestrian(dice)), _across(road, s, start, side)))
    return found


def _across(road: Road, s: float, start: float, side: int) -> Callable[[float], tuple[float, float, float]]:
    """Over the crossing, from the kerb of one side, after waiting there, to the other's."""

    def way(time: float) -> tuple[float, float, float]:
        aside = np.clip(WAITING - 1.3 * (time - start), -WAITING, WAITING)
        x, y, yaw = road.place(s, side * float(aside))
        return x, y, yaw - side * np.pi / 2

    return way


def _scenery(dice: Dice, road: Road) -> list[Placed]:
    found = []
    for side in (-1, 1):
        found += _houses(dice, road, side)
        for s in np.arange(FROM, TO, 15.0):
            at = s + 3 * dice.random()
            made = models.tree(dice) if dice.random() < 0.75 else models.lamp_post(dice)
            found.append(_beside(road, at, side * 6.5, made, side))
        for s in np.arange(FROM, TO, 33.0):
            made = models.bench(dice) if dice.random() < 0.6 else models.bin_(dice)
            found.append(_beside(road, s + 9 * dice.random(), side * 8.9, made, side))
    found.append(_beside(road, CROSSING[1] + 0.6, -6.1, models.traffic_light(dice), 1))
    return found


def _houses(dice: Dice, road: Road, side: int) -> list[Placed]:
    found = []
    s = FROM
    while s < TO:
        width, depth = 10 + 9 * dice.random(), 9.0
        house = models.building(dice, width, depth, int(dice.integers(1, 5)))
        found.append(_beside(road, s + width / 2, side * (FRONTS + depth / 2), house, side))
        s += width + (0.2 if dice.random() < 0.7 else 4 + 3 * dice.random())
    return found


def _beside(road: Road, s: float, aside: float, body: Body, side: int) -> Placed:
    """Its right side, -y, looks to the road."""
    x, y, yaw = road.place(s, aside)
    return Placed(body, np.array([x, y, 0.0]), yaw if side > 0 else yaw + np.pi)

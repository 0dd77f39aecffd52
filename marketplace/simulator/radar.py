"""A forward radar: few returns, each with how fast it comes nearer or goes away."""

import numpy as np

from marketplace.simulator.lidar import Sweep
from marketplace.simulator.solids import Array, turn
from marketplace.simulator.street import Actor
from routing.scene import Radar

HALF_WIDTH = np.radians(60)
RANGE_METRES_MAX = 80.0
NOISE_METRES, NOISE_SPEED = 0.12, 0.08
RETURNS_MAX, CLUTTER = 3, 8
CLUTTER_HEIGHT = (0.4, 2.5)  # metres above the ground between which walls and poles answer


def returns(
    sweep: Sweep, actors: tuple[Actor, ...], time: float, eye: Array, yaw: float, dice: np.random.Generator
) -> Radar:
    """What both the lidar and the radar can see answers; a speed is along the line of sight, over the ground."""
    own = (sweep.points - eye) @ turn(yaw)
    ahead = np.abs(np.arctan2(own[:, 1], own[:, 0])) < HALF_WIDTH
    ahead &= np.hypot(own[:, 0], own[:, 1]) < RANGE_METRES_MAX
    positions, velocities, sizes = [], [], []
    for number in np.unique(sweep.owner[ahead & (sweep.owner >= 0)]).tolist():
        met = np.flatnonzero(ahead & (sweep.owner == number))
        velocity = actors[number].velocity(time)
        for k in dice.choice(met, size=min(len(met), int(dice.integers(1, RETURNS_MAX + 1))), replace=False):
            positions.append(sweep.points[k])
            velocities.append(velocity)
            sizes.append(float(actors[number].size[:2].min()) / 2)
    height = sweep.points[:, 2]
    still = np.flatnonzero(ahead & (sweep.owner < 0) & (height > CLUTTER_HEIGHT[0]) & (height < CLUTTER_HEIGHT[1]))
    for k in dice.choice(still, size=min(len(still), CLUTTER), replace=False):
        positions.append(sweep.points[k])
        velocities.append(np.zeros(3))
        sizes.append(0.3)
    return _measured(np.array(positions).reshape(-1, 3), np.array(velocities).reshape(-1, 3), sizes, eye, dice)


def _measured(positions: Array, velocities: Array, sizes: list[float], eye: Array, dice: np.random.Generator) -> Radar:
    sight = positions - eye
    sight[:, 2] = 0
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-9)
    speed = (velocities * sight).sum(axis=1, keepdims=True)
    speed = speed + NOISE_SPEED * dice.standard_normal(speed.shape)
    measured = positions + NOISE_METRES * dice.standard_normal(positions.shape)
    return Radar(measured, sight * speed, np.array(sizes))

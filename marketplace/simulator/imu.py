"""An inertial sensor at the device: exact readings from the way it goes, and what a MEMS part would make of them.

The noise is the ADIS16448's (Analog Devices' data sheet, typical): rate noise density 0.0135 deg/s/sqrt(Hz) and
acceleration noise density 0.23 mg/sqrt(Hz), with initial bias errors of 0.5 deg/s and 20 mg (1 sigma). A density is
one-sided, so a sample at rate f, whose bandwidth is f / 2, has a deviation of density * sqrt(f / 2). The bias is what
it was when the sensor was switched on: its drift is nothing in the seconds that a drive takes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marketplace.simulator.solids import Array
from routing.scene import Imu

Way = Callable[[float], tuple[float, float, float]]  # x, y, yaw by time

RATE_HZ = 100
GRAVITY = 9.80665  # m/s^2
GYRO_DENSITY = np.radians(0.0135)  # rad/s/sqrt(Hz)
ACCELERATION_DENSITY = 0.23e-3 * GRAVITY  # m/s^2/sqrt(Hz)
GYRO_BIAS, ACCELERATION_BIAS = np.radians(0.5), 0.020 * GRAVITY  # rad/s and m/s^2, 1 sigma
GYRO_NOISE, ACCELERATION_NOISE = (d * np.sqrt(RATE_HZ / 2) for d in (GYRO_DENSITY, ACCELERATION_DENSITY))
STEP_SECONDS = 1e-3  # of the central differences: their error is below 1e-7 m/s^2 on our roads


@dataclass(frozen=True)
class Bias:
    """What a sensor adds to every reading, rad/s and m/s^2 by axis."""

    angular_velocity: Array
    specific_force: Array


def bias(dice: np.random.Generator) -> Bias:
    return Bias(GYRO_BIAS * dice.standard_normal(3), ACCELERATION_BIAS * dice.standard_normal(3))


def times(after: float, until: float) -> Array:
    """The moments of the readings later than `after` and not later than `until`; the clock ticks at 0."""
    first, last = (int(np.floor(round(time * RATE_HZ, 6))) for time in (after, until))
    return np.arange(first + 1, last + 1) / RATE_HZ


def exact(way: Way, moments: Array) -> Imu:
    """What a perfect sensor at the device would read: x ahead, y left, z up, on a level road."""
    steps = (-STEP_SECONDS, 0.0, STEP_SECONDS)
    before, at, after = (np.array([way(t + step) for t in moments]).reshape(-1, 3) for step in steps)
    turning = (after[:, 2] - before[:, 2]) / (2 * STEP_SECONDS)
    acceleration = (after[:, :2] - 2 * at[:, :2] + before[:, :2]) / STEP_SECONDS**2
    cos, sin = np.cos(at[:, 2]), np.sin(at[:, 2])
    still = np.zeros(len(moments))
    force = [
        cos * acceleration[:, 0] + sin * acceleration[:, 1],
        cos * acceleration[:, 1] - sin * acceleration[:, 0],
        np.full(len(moments), GRAVITY),
    ]
    return Imu(moments, np.column_stack([still, still, turning]), np.column_stack(force))


def measured(truth: Imu, added: Bias, dice: np.random.Generator) -> Imu:
    """The same readings with a sensor's bias and white noise."""
    shape = truth.angular_velocity.shape
    return Imu(
        truth.timestamps,
        truth.angular_velocity + added.angular_velocity + GYRO_NOISE * dice.standard_normal(shape),
        truth.specific_force + added.specific_force + ACCELERATION_NOISE * dice.standard_normal(shape),
    )

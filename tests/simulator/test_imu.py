"""The simulated inertial sensor: its exact readings lead along the true way, and its errors are the data sheet's."""

from math import log

import numpy as np
import pytest

from marketplace.simulator import imu, street
from marketplace.simulator.recording import Recording, record
from routing.scene import Imu

SECONDS_PER_FRAME = 0.25


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(5, 3, seconds_per_frame=SECONDS_PER_FRAME)


def travelled(way: imu.Way, readings: Imu) -> np.ndarray:
    """(n, 3) x, y, yaw: strapdown navigation on the plane from the first reading's pose and velocity."""
    x, y, yaw = way(0.0)
    step = imu.STEP_SECONDS
    velocity = (np.array(way(step)[:2]) - way(-step)[:2]) / (2 * step)
    place, yaws, places = np.array([x, y]), [yaw], [[x, y]]
    force, turning, time = readings.specific_force, readings.angular_velocity[:, 2], readings.timestamps
    for k in range(1, len(time)):
        passed = time[k] - time[k - 1]
        yaws.append(yaws[-1] + passed * (turning[k - 1] + turning[k]) / 2)
        pair = [turned(yaws[-2]) @ force[k - 1, :2], turned(yaws[-1]) @ force[k, :2]]
        place = place + passed * velocity + passed**2 * (2 * pair[0] + pair[1]) / 6
        velocity = velocity + passed * (pair[0] + pair[1]) / 2
        places.append(place.tolist())
    return np.column_stack([places, yaws])


def turned(yaw: float) -> np.ndarray:
    return np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])


@pytest.mark.parametrize("seed", [3, 5, 8])
def test_exact_readings_integrate_to_the_true_poses(seed: int) -> None:
    way = street.build(seed).ego
    moments = imu.times(-0.01, 20.0)
    assert len(moments) == 2001 and moments[0] == 0 and moments[-1] == 20
    readings = imu.exact(way, moments)
    assert np.abs(readings.specific_force[:, 1]).max() > 0.02, "the road bends: a straight one would prove little"
    apart = travelled(way, readings) - [way(t) for t in moments]
    assert np.abs(apart[:, :2]).max() < 1e-3 and np.abs(apart[:, 2]).max() < 1e-6  # metres, radians; 120 m on
    assert (readings.specific_force[:, 2] == imu.GRAVITY).all() and not readings.angular_velocity[:, :2].any()


def test_the_exact_truth_of_a_recording_is_its_street(recording: Recording) -> None:
    """What is left when the exact readings are taken away is one bias for the whole drive, and noise."""
    readings = [moment.frame.imu for moment in recording.moments]
    left = []
    for one in readings:
        assert one is not None
        truth = imu.exact(recording.street.ego, one.timestamps)
        read, true = (np.hstack([r.angular_velocity, r.specific_force]) for r in (one, truth))
        left.append(read - true)
    everything = np.concatenate(left)
    noise = np.array([imu.GYRO_NOISE] * 3 + [imu.ACCELERATION_NOISE] * 3)
    bias = imu.bias(np.random.default_rng([5, 2]))
    expected = np.concatenate([bias.angular_velocity, bias.specific_force])
    assert (np.abs(everything.mean(axis=0) - expected) < 5 * noise / np.sqrt(len(everything))).all()
    assert (np.abs(expected) > noise / 10).all(), "the bias could not be told from none"


def test_readings_come_at_their_own_rate_and_each_once(recording: Recording) -> None:
    frames = [moment.frame for moment in recording.moments]
    times = np.concatenate([frame.imu.timestamps for frame in frames if frame.imu is not None])
    assert np.allclose(times, np.arange(51) / imu.RATE_HZ)
    for frame in frames:
        assert frame.imu is not None and frame.timestamp is not None
        assert frame.timestamp - SECONDS_PER_FRAME < frame.imu.timestamps[-1] <= frame.timestamp


def test_the_noise_is_white_and_as_strong_as_the_data_sheet_says() -> None:
    """The Allan deviation falls with the root of time, as that of white noise does; times that root it is the random
    walk, which is the one-sided noise density over the root of 2."""
    still = imu.exact(lambda _: (0.0, 0.0, 0.0), np.arange(200_000) / imu.RATE_HZ)
    read = imu.measured(still, imu.Bias(np.zeros(3), np.zeros(3)), np.random.default_rng(1))
    for values, density in ((read.angular_velocity, imu.GYRO_DENSITY), (read.specific_force, imu.ACCELERATION_DENSITY)):
        short, long = allan_deviation(values, 1), allan_deviation(values, 10)
        assert np.allclose([log(a / b, 10) for a, b in zip(short, long, strict=True)], 0.5, atol=0.02)
        assert np.allclose(short / np.sqrt(imu.RATE_HZ), density / np.sqrt(2), rtol=0.02)


def allan_deviation(values: np.ndarray, samples: int) -> np.ndarray:
    means = values.reshape(-1, samples, 3).mean(axis=1)
    return np.asarray(np.sqrt((np.diff(means, axis=0) ** 2).mean(axis=0) / 2))

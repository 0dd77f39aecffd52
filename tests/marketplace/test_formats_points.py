"""LYPF: what the browser decodes is what was measured, to half a step."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from marketplace.formats import points

coordinates = st.floats(-3000, 3000, width=32)
clouds = hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=coordinates)
levels = hnp.arrays(np.float64, 40, elements=st.floats(0, 1))


@given(cloud=clouds, intensity=st.none() | levels, sensor=st.none() | hnp.arrays(np.uint8, 40))
def test_points_come_back_within_half_a_step(cloud: np.ndarray, intensity: object, sensor: object) -> None:
    count = len(cloud)
    intensity = None if intensity is None else intensity[:count]
    sensor = None if sensor is None else sensor[:count]
    content = points.encode(cloud, intensity, sensor)
    back, back_intensity, back_sensor = points.decode(content)
    assert len(content) == 64 + 8 * count
    step = points.steps(cloud.max(axis=0) - cloud.min(axis=0))
    assert (np.abs(back - cloud) <= step / 2 + 1e-9).all()
    assert (step <= np.maximum(0.001, np.ptp(cloud, axis=0) / 65_535) * (1 + 2e-7)).all(), "no step is wasted"
    if intensity is None:
        assert back_intensity is None
    else:
        assert np.abs(back_intensity - intensity).max() <= 0.5 / 255 + 1e-9
    assert (back_sensor is None) if sensor is None else (back_sensor == sensor).all()


@given(cloud=clouds)
def test_what_was_decoded_is_encoded_the_same(cloud: np.ndarray) -> None:
    """Reading and writing again, as an export does, moves nothing further."""
    once = points.decode(points.encode(cloud))[0]
    twice = points.decode(points.encode(once))[0]
    assert np.abs(twice - once).max() <= 1e-6 * max(1.0, np.ptp(cloud))


def test_the_header_lies_where_the_browser_reads_it() -> None:
    content = points.encode(np.array([[1.0, -2.0, 3.0], [2.0, 4.0, 3.5]]), np.array([0.0, 1.0]), np.array([7, 9]))
    assert content[:4] == b"LYPF"
    assert struct.unpack_from("<HHII", content, 4) == (1, 64, 2, 3)
    assert struct.unpack_from("<3d", content, 16) == (1.0, -2.0, 3.0)
    assert struct.unpack_from("<3f", content, 40) == pytest.approx((0.001, 0.001, 0.001))
    assert struct.unpack_from("<8H", content, 64) == (0, 0, 0, 7 << 8, 1000, 6000, 500, 9 << 8 | 255)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut short"),
        (b"PK" + bytes(62), "does not begin with LYPF"),
        (b"LYPF\x02\x00\x40\x00" + bytes(56), "version 2"),
        (points.encode(np.zeros((3, 3)))[:-1], "cut short: 87 of 88"),
    ],
)
def test_other_files_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        points.decode(content)


@pytest.mark.parametrize(
    ("cloud", "reason"), [(np.empty((0, 3)), "no points"), (np.array([[0.0, 0, 0], [9e4, 0, 0]]), "90,000 m apart")]
)
def test_clouds_that_would_lose_their_shape_are_refused(cloud: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        points.encode(cloud)

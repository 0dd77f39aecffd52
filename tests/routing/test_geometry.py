"""Cuboids and boxes: against shapely as an independent judge, and what turning and moving must not change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import box as rectangle

from routing.geometry import boxes, cuboids, tracks
from routing.geometry.middle import middle
from routing.scene import Pose

QUICK = settings(max_examples=150, deadline=None)
near = st.floats(-3, 3)
size = st.floats(0.1, 8)
turn = st.floats(-7, 7)
rows = st.tuples(near, near, near, size, size, size, turn).map(lambda values: np.array([values]))


def judged_iou(a: np.ndarray, b: np.ndarray) -> float:
    def footprint(row: np.ndarray) -> object:
        x, y, _, length, width, _, yaw = row
        shape = rectangle(-length / 2, -width / 2, length / 2, width / 2)
        return affinity.translate(affinity.rotate(shape, yaw, origin=(0, 0), use_radians=True), x, y)

    area = footprint(a).intersection(footprint(b)).area
    height = min(a[2] + a[5] / 2, b[2] + b[5] / 2) - max(a[2] - a[5] / 2, b[2] - b[5] / 2)
    shared = area * max(0.0, height)
    return shared / (a[3:6].prod() + b[3:6].prod() - shared)


@QUICK
@given(rows, rows)
def test_the_overlap_of_cuboids_is_what_shapely_finds(a: np.ndarray, b: np.ndarray) -> None:
    assert cuboids.iou_3d(a, b)[0, 0] == pytest.approx(judged_iou(a[0], b[0]), abs=1e-6)
    assert cuboids.iou_3d(a, b) == pytest.approx(cuboids.iou_3d(b, a), abs=1e-9)
    assert cuboids.iou_3d(a, a)[0, 0] == pytest.approx(1, abs=1e-9)


@QUICK
@given(rows, rows, turn, near, near)
def test_turning_and_moving_the_world_changes_no_overlap(
    a: np.ndarray, b: np.ndarray, angle: float, x: float, y: float
) -> None:
    def elsewhere(row: np.ndarray) -> np.ndarray:
        cos, sin = np.cos(angle), np.sin(angle)
        moved = row.copy()
        moved[0, :2] = [[cos, -sin], [sin, cos]] @ row[0, :2] + [100 * x, 100 * y]
        moved[0, 6] += angle
        return moved

    assert cuboids.iou_3d(elsewhere(a), elsewhere(b)) == pytest.approx(cuboids.iou_3d(a, b), abs=1e-6)


def test_overlaps_come_as_a_matrix() -> None:
    many = np.array([[0, 0, 0, 2, 2, 2, 0], [1, 0, 0, 2, 2, 2, 0], [9, 0, 0, 2, 2, 2, 0.5]], dtype=float)
    assert cuboids.iou_3d(many, many) == pytest.approx(np.array([[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]))
    assert cuboids.iou_3d(many, many[:0]).shape == (3, 0)


@QUICK
@given(rows, st.lists(st.tuples(near, near, near), min_size=1, max_size=20))
def test_a_cuboid_contains_the_points_that_shapely_says(
    a: np.ndarray, points: list[tuple[float, float, float]]
) -> None:
    footprint = rectangle(-a[0, 3] / 2, -a[0, 4] / 2, a[0, 3] / 2, a[0, 4] / 2)
    footprint = affinity.translate(
        affinity.rotate(footprint, a[0, 6], origin=(0, 0), use_radians=True), a[0, 0], a[0, 1]
    )
    inside = cuboids.contains(a[0], np.array(points))
    for (x, y, z), found in zip(points, inside, strict=True):
        here = affinity.translate(rectangle(-1e-7, -1e-7, 1e-7, 1e-7), x, y)
        height = a[0, 5] / 2 - abs(z - a[0, 2])
        if footprint.contains(here) and height > 1e-6:
            assert found
        elif footprint.disjoint(here) or height < -1e-6:
            assert not found


@QUICK
@given(rows)
def test_a_cuboid_contains_its_corners_and_nothing_a_centimetre_outside(a: np.ndarray) -> None:
    ground = cuboids.footprints(a)[0]
    for z in (a[0, 2] - a[0, 5] / 2, a[0, 2] + a[0, 5] / 2):
        corners = np.column_stack([ground, np.full(4, z)])
        assert cuboids.contains(a[0], corners).all()
        outwards = corners - a[0, :3]
        assert not cuboids.contains(
            a[0], a[0, :3] + outwards * (1 + 0.01 / np.linalg.norm(outwards, axis=1).max())
        ).any()


@given(st.floats(-1e6, 1e6))
def test_a_wrapped_angle_points_the_same_way(angle: float) -> None:
    wrapped = float(cuboids.wrap(angle))
    assert -np.pi < wrapped <= np.pi
    assert np.exp(1j * wrapped) == pytest.approx(np.exp(1j * angle), abs=1e-6)


def test_half_a_turn_is_wrapped_to_plus_pi() -> None:
    assert cuboids.wrap(np.array([np.pi, -np.pi, 3 * np.pi, 0.0])) == pytest.approx([np.pi, np.pi, np.pi, 0])


# The middle of several


@QUICK
@given(rows, st.integers(1, 6))
def test_equal_cuboids_give_exactly_themselves(a: np.ndarray, k: int) -> None:
    stack = np.repeat(a, k, axis=0)
    assert (cuboids.average(stack) == a[0]).all()
    assert (cuboids.average(stack[None].repeat(3, axis=0)) == a[0]).all()


def heading(*yaws: float, weights: list[float] | None = None) -> float:
    stack = np.array([[0, 0, 0, 4, 2, 1.5, yaw] for yaw in yaws], dtype=float)
    return float(cuboids.average(stack, None if weights is None else np.array(weights))[6])


def test_headings_are_averaged_the_short_way_round() -> None:
    assert abs(heading(3.1, -3.1)) == pytest.approx(np.pi)
    assert heading(0.1, -0.3) == pytest.approx(-0.1)


def test_a_box_drawn_back_to_front_does_not_end_up_across() -> None:
    assert heading(0.2, 0.2 + np.pi) == pytest.approx(0.2)
    assert abs(heading(0.1 + np.pi, 0.1, 0.1)) == pytest.approx(0.1)
    assert heading(0.0, np.pi, weights=[0.2, 0.8]) == pytest.approx(np.pi)


@QUICK
@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=9), st.data())
def test_the_middle_of_many_is_their_weighted_median(values: list[float], data: st.DataObject) -> None:
    column = np.array(values)[:, None]
    assert middle(column)[0] == pytest.approx(np.median(values))
    copies = data.draw(st.lists(st.integers(1, 4), min_size=len(values), max_size=len(values)))
    weighted = middle(column, np.array(copies, dtype=float))[0]
    assert weighted == pytest.approx(np.median(np.repeat(values, copies)))


@QUICK
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 1)), min_size=1, max_size=5))
def test_the_middle_lies_between_what_was_measured(measured: list[tuple[float, float]]) -> None:
    values, weights = np.array(measured).T
    assert values.min() <= middle(values[:, None], weights)[0] <= values.max()


# Boxes


flat = st.tuples(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5), st.floats(0.001, 1e5), st.floats(0.001, 1e5))


@QUICK
@given(flat, flat)
def test_the_overlap_of_boxes_is_what_shapely_finds(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    one, two = np.array([a]), np.array([b])
    first, second = (rectangle(x, y, x + w, y + h) for x, y, w, h in (a, b))
    judged = first.intersection(second).area / first.union(second).area
    assert boxes.iou(one, two)[0, 0] == pytest.approx(judged, abs=1e-6)
    assert boxes.iou(one, two)[0, 0] == pytest.approx(boxes.iou(two, one)[0, 0], abs=1e-9)
    assert boxes.iou(one, one)[0, 0] == 1


# Tracks and poses


def test_tracks_on_other_frames_are_absent_there() -> None:
    answer = {
        "tracks": [
            {
                "id": "a",
                "label": "car",
                "cuboids": [{"frame": f, "position": [f, 0, 0], "dimensions": [1, 1, 1], "yaw": 0} for f in (3, 5)],
            }
        ]
    }
    block = tracks.block(answer).on(np.array([2, 3, 4, 5, 6]))
    assert block.present.tolist() == [[False, True, False, True, False]]
    assert tracks.block({"tracks": []}).on(np.array([1])).boxes.shape == (0, 1, 7)


@QUICK
@given(st.lists(st.tuples(near, near, near), min_size=1, max_size=9), st.tuples(near, near, near), turn)
def test_a_pose_takes_points_there_and_back(
    points: list[tuple[float, ...]], position: tuple[float, ...], yaw: float
) -> None:
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    matrix[:3, 3] = position
    pose, own = Pose.from_matrix(matrix), np.array(points)
    assert pose.to_world(own) == pytest.approx(own @ matrix[:3, :3].T + position, abs=1e-9)
    assert pose.from_world(pose.to_world(own)) == pytest.approx(own, abs=1e-9)

"""What holds between the frames of one drive: what contradicts itself is refused, what a sensor left out is said.

A drive's frames are files of their own, each right by itself; only together do they show that one is missing, stands
twice or is out of order. A sensor that honestly drops a frame (a camera, GPS in a tunnel) is no mistake: the drive is
taken, and `gaps` says where.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from marketplace.formats.manifest import CAMERA_NAMES, DEVICE_HEADING
from routing.scene import Frame


@dataclass(frozen=True)
class Seen:
    """What one frame has of each sensor."""

    number: int
    timestamp: float | None
    cameras: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()  # "GPS", "IMU", "radar"
    imu_span: tuple[float, float] | None = None  # of its first and last reading
    unsaid: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Problem:
    """What is wrong with a frame beside the others; the message names frame and field."""

    frame: int
    message: str


def of_frame(number: int, frame: Frame) -> Seen:
    has = {"GPS": frame.gps is not None, "IMU": frame.imu is not None, "radar": frame.radar is not None}
    return Seen(
        number=number,
        timestamp=frame.timestamp,
        cameras=tuple(image.name for image in frame.images),
        others=frozenset(name for name, there in has.items() if there),
        imu_span=(float(frame.imu.timestamps[0]), float(frame.imu.timestamps[-1])) if frame.imu else None,
    )


def of_manifest(number: int, manifest: dict[str, Any]) -> Seen:
    imu = manifest.get("imu")
    has = {"GPS": manifest.get("gps"), "IMU": imu, "radar": manifest.get("radar")}
    return Seen(
        number=number,
        timestamp=manifest.get("timestamp"),
        cameras=tuple(image["camera"] for image in manifest.get("images", [])),
        others=frozenset(name for name, there in has.items() if there),
        imu_span=(imu["timestamps"][0], imu["timestamps"][-1]) if imu else None,
        unsaid=frozenset(manifest.get("unsaid", [])),
    )


def problems(frames: Sequence[Seen]) -> list[Problem]:
    """All frames of a drive, in its order; what is found, by frame."""
    checks = (_times, _headings, _cameras, _imu_times)
    return sorted((found for check in checks for found in check(frames)), key=lambda problem: problem.frame)


def _times(frames: Sequence[Seen]) -> Iterator[Problem]:
    given = [frame for frame in frames if frame.timestamp is not None]
    if all(frame.timestamp == 0 for frame in given):  # what a protobuf writes that was told no time
        return
    for frame in frames:
        if frame.timestamp is None:
            yield Problem(frame.number, f"frames[{frame.number}].timestamp is missing; other frames have one.")
    for before, frame in pairwise(given):
        one, two = before.timestamp or 0.0, frame.timestamp or 0.0
        if two == one:
            why = f"as frames[{before.number}] has it: is it the same frame twice?"
        elif two < one:
            why = f"before the {one:.15g} of frames[{before.number}]; frames are listed in the order of time."
        else:
            continue
        yield Problem(frame.number, f"frames[{frame.number}].timestamp is {two:.15g}, {why}")


def _headings(frames: Sequence[Seen]) -> Iterator[Problem]:
    """No heading anywhere is a device that never turns; one that is lost in the middle would be a jump."""
    without = [frame for frame in frames if DEVICE_HEADING in frame.unsaid]
    if len(without) < len(frames):
        for frame in without:
            yield Problem(frame.number, f"frames[{frame.number}].device_heading is missing; other frames have one.")


def _cameras(frames: Sequence[Seen]) -> Iterator[Problem]:
    """Images that are told apart by their place alone cannot be, once a frame has another number of them."""
    unnamed = [frame for frame in frames if CAMERA_NAMES in frame.unsaid]
    with_images = [frame for frame in frames if frame.cameras]
    if not unnamed:
        return
    most = max(with_images, key=lambda frame: len(frame.cameras))
    for frame in with_images:
        count, path = len(frame.cameras), f"frames[{frame.number}].images"
        if count != len(most.cameras):
            yield Problem(
                frame.number,
                f"{path} has {count} images where frames[{most.number}] has {len(most.cameras)}, and nothing says "
                "which cameras they are of: give each a camera_index or a metadata.camera.",
            )
        elif frame in unnamed and len(unnamed) < len(with_images):
            yield Problem(frame.number, f"{path} lacks camera_index or metadata.camera, which other frames have.")


def _imu_times(frames: Sequence[Seen]) -> Iterator[Problem]:
    latest: tuple[float, int] | None = None
    for frame in frames:
        if frame.imu_span is None:
            continue
        first, last = frame.imu_span
        if latest is not None and first <= latest[0]:
            yield Problem(
                frame.number,
                f"frames[{frame.number}].device_imu[0].timestamp is {first:.15g}, not later than {latest[0]:.15g} in "
                f"frames[{latest[1]}]: a frame has the readings since the one before it.",
            )
        latest = last, frame.number


def gaps(frames: Sequence[Seen]) -> list[str]:
    """For each sensor that some frames have and others lack, one sentence that says which lack it."""
    cameras = dict.fromkeys(name for frame in frames for name in frame.cameras)
    found = [_gap(f'image of the camera "{name}"', frames, _has_camera(name)) for name in cameras]
    for name, what in (("GPS", "GPS pose"), ("IMU", "IMU reading"), ("radar", "radar point")):
        found.append(_gap(what, frames, _has_other(name)))
    return [sentence for sentence in found if sentence]


def _has_camera(name: str) -> Callable[[Seen], bool]:
    return lambda frame: name in frame.cameras


def _has_other(name: str) -> Callable[[Seen], bool]:
    return lambda frame: name in frame.others


def _gap(what: str, frames: Sequence[Seen], has: Callable[[Seen], bool]) -> str | None:
    without = [frame.number for frame in frames if not has(frame)]
    if not without or len(without) == len(frames):
        return None
    return f"No {what} in {len(without)} of {len(frames)} frames: {_runs(without)}."


def _runs(numbers: Sequence[int]) -> str:
    """`3, 7-9, 12`, the first ten runs of it."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(words[:RUNS_MAX]) + (" and more" if len(words) > RUNS_MAX else "")


RUNS_MAX = 10

"""nuScenes' radar returns: binary PCD with positions and velocities over the ground, in the sensor's frame."""

from pathlib import Path

import numpy as np

from marketplace.errors import InvalidInput
from routing.scene import Array, Radar

TYPES = {("F", "4"): "<f4", ("F", "8"): "<f8", ("I", "1"): "i1", ("I", "2"): "<i2", ("I", "4"): "<i4", ("U", "1"): "u1"}
SIZE_METRES = 1.0  # the sensor does not say how large


def read_radar(path: Path, place: Array) -> Radar:
    """The returns in the world; `place` takes the sensor's coordinates there."""
    content = path.read_bytes()
    head, _, body = content.partition(b"DATA binary\n")
    lines = dict(line.split(" ", 1) for line in head.decode("ascii", "replace").splitlines() if " " in line)
    try:
        kinds = zip(lines["TYPE"].split(), lines["SIZE"].split(), strict=True)
        record = np.dtype([(n, TYPES[kind]) for n, kind in zip(lines["FIELDS"].split(), kinds, strict=True)])
        rows = np.frombuffer(body, dtype=record, count=int(lines["POINTS"]))
        positions = np.column_stack([rows[axis] for axis in "xyz"]).astype(float)
        speeds = np.column_stack([rows["vx_comp"], rows["vy_comp"], np.zeros(len(rows))]).astype(float)
    except (KeyError, ValueError) as error:
        raise InvalidInput(f"{path.name} is not a binary PCD of radar returns: {error}", "path") from error
    rotation = place[:3, :3]
    return Radar(positions @ rotation.T + place[:3, 3], speeds @ rotation.T, np.full(len(rows), SIZE_METRES))

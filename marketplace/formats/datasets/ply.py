"""PLY point clouds: the vertices of binary little-endian and ASCII files."""

from pathlib import Path
from typing import Any

import numpy as np

from marketplace.errors import InvalidInput
from routing.scene import Array

TYPES = {
    "char": "i1", "uchar": "u1", "short": "<i2", "ushort": "<u2", "int": "<i4", "uint": "<u4", "float": "<f4",
    "double": "<f8", "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4",
    "float32": "<f4", "float64": "<f8",
}  # fmt: skip
END = b"end_header\n"


def read(path: Path) -> dict[str, Array]:
    """The vertices' properties by name; raises InvalidInput."""
    head, end, body = path.read_bytes().replace(b"end_header\r\n", END, 1).partition(END)
    lines = [line.split() for line in head.decode("ascii", "replace").splitlines()]
    try:
        if not end or lines[0] != ["ply"]:
            raise ValueError("it has no PLY header")
        kind = next(line[1] for line in lines if line[0] == "format")
        start = next(k for k, line in enumerate(lines) if line[:2] == ["element", "vertex"])
        record = []
        for line in lines[start + 1 :]:
            if line[0] != "property":
                break
            record.append((line[2], TYPES[line[1]]))
        rows = _rows(kind, body, np.dtype(record), int(lines[start][2]))
    except (KeyError, ValueError, IndexError, StopIteration) as error:
        raise InvalidInput(f"{path.name} is not a PLY file of points: {error}", "path") from error
    return {name: rows[name] for name, _ in record}


def _rows(kind: str, body: bytes, record: np.dtype[Any], count: int) -> Any:
    if kind == "binary_little_endian":
        return np.frombuffer(body, dtype=record, count=count)
    if kind == "ascii":
        lines = body.decode("ascii").splitlines()[:count]
        return np.array([tuple(map(float, line.split())) for line in lines], dtype=record)
    raise ValueError(f"the format is {kind}")

"""Pandas tables as they lie in a pickle, without pandas: the few shapes that its versions since 0.25 have written."""

from typing import Any

import numpy as np

from routing.scene import Array

Table = dict[str, Array]  # columns by name


class Frame:
    """Stands in for pandas' DataFrame."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        manager = state.get("_mgr", state.get("_data"))
        if not isinstance(manager, Manager):
            raise ValueError("the table has no content")
        self.table = manager.table()


class Manager:
    """Stands in for pandas' BlockManager: blocks of columns of one type, and the names of columns and rows."""

    def __init__(self, blocks: Any = (), axes: Any = ()) -> None:
        self.blocks, self.axes = blocks, axes

    def __setstate__(self, state: Any) -> None:
        """Up to pandas 1.2: `(axes, values, items, {"0.14.1": {"axes", "blocks"}})`."""
        newest = state[3]["0.14.1"]
        self.axes = newest["axes"]
        self.blocks = [(block["values"], block["mgr_locs"]) for block in newest["blocks"]]

    def table(self) -> Table:
        names = [str(name) for name in _values(self.axes[0])]
        columns: Table = {}
        for values, places in self.blocks:
            rows = np.atleast_2d(np.asarray(_values(values)))
            numbers = np.arange(len(names))[places] if isinstance(places, slice) else np.asarray(places)
            for number, row in zip(numbers.tolist(), rows, strict=True):
                columns[names[number]] = row
        return {name: columns[name] for name in names}


class Backed:
    """Stands in for pandas' arrays that wrap a numpy array."""

    def __setstate__(self, state: Any) -> None:
        self.values = next(part for part in state if isinstance(part, np.ndarray))


class Nothing:
    """Stands in for types whose content we do not need."""

    def __init__(self, *_: Any) -> None: ...


def _values(thing: Any) -> Any:
    return thing.values if isinstance(thing, Backed) else thing


def _block(values: Any, places: Any, _dimensions: int) -> tuple[Any, Any]:
    return values, places


def _index(_kind: Any, state: dict[str, Any]) -> Any:
    if "data" in state:
        return _values(state["data"])
    return range(int(state["start"]), int(state["stop"]), int(state["step"]))


def _backed(_kind: Any, _checksum: int, _state: Any) -> Backed:
    return Backed()


_INDEXES = {
    (module, name): Nothing
    for module, names in {
        "pandas": ("Index", "RangeIndex", "StringDtype"),
        "pandas.core.indexes.base": ("Index",),
        "pandas.core.indexes.range": ("RangeIndex",),
        "pandas.core.indexes.numeric": ("Int64Index", "Float64Index", "UInt64Index"),
        "pandas.arrays": ("StringArray",),
    }.items()
    for name in names
}
NAMES: dict[tuple[str, str], Any] = {
    ("pandas", "DataFrame"): Frame,
    ("pandas.core.frame", "DataFrame"): Frame,
    ("pandas.core.internals.managers", "BlockManager"): Manager,
    ("pandas.core.internals", "BlockManager"): Manager,
    ("pandas._libs.internals", "_unpickle_block"): _block,
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): _backed,
    ("pandas.core.indexes.base", "_new_Index"): _index,
    **_INDEXES,
}

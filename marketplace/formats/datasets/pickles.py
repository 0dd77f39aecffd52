"""Pickles of foreign origin, read without running anything: numbers, texts, numpy arrays and pandas tables."""

import codecs
import gzip
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from marketplace.errors import InvalidInput
from marketplace.formats.datasets import tables


class SafeUnpickler(pickle.Unpickler):
    """Gives a pickle the few names that data needs, by our own table; all others are refused."""

    def find_class(self, module: str, name: str) -> Any:
        known = NAMES.get((module.replace("numpy._core", "numpy.core"), name))
        if known is None:
            raise InvalidInput(
                f"The pickle asks for {module}.{name}: it holds more than data, and is not read.", "path"
            )
        return known


def load(path: Path) -> Any:
    """The content of a `.pkl` or `.pkl.gz`; a pandas table comes as `tables.Table`. Raises InvalidInput."""
    content = path.read_bytes()
    try:
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        loaded = SafeUnpickler(io.BytesIO(content), encoding="latin1").load()
        return loaded.table if isinstance(loaded, tables.Frame) else loaded
    except InvalidInput as error:
        raise InvalidInput(f"{path.name}: {error.message}", "path") from error
    except (pickle.UnpicklingError, OSError, EOFError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"{path.name} is not a pickle of data: {error}.", "path") from error


def _encode(text: str, encoding: str = "utf-8") -> bytes:
    return codecs.encode(text, "latin1" if encoding == "latin1" else "utf-8")


def _reconstruct(kind: Any, shape: Any, code: Any) -> Any:
    return np.ndarray.__new__(np.ndarray, (0,), "u1")


def _scalar(dtype: Any, content: Any = None) -> Any:
    if isinstance(content, str):
        content = content.encode("latin1")
    return np.frombuffer(content, dtype=dtype)[0] if dtype.kind != "O" else content


def _from_buffer(buffer: Any, dtype: Any, shape: Any, order: Any) -> Any:
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


NAMES: dict[tuple[str, str], Any] = {
    ("_codecs", "encode"): _encode,
    ("builtins", "slice"): slice,
    ("__builtin__", "slice"): slice,
    ("collections", "OrderedDict"): dict,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    **tables.NAMES,
}

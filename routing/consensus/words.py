"""A text cut into the words that are compared, each with the spelling it stands in.

Compared is the `key`: small letters, no punctuation. Kept is the `text`, with its own capitals and marks. A
compound with a hyphen is two words without a space between; Chinese and Japanese characters are a word each, since
nothing parts them.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_DASH = "-/\u2010-\u2015"
_SOLID = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces
_SEAM = re.compile(
    f"(?<=\\w[{_DASH}])(?=\\w)|(?<=\\w[{_DASH}][{_DASH}])(?=\\w)|(?<=[{_SOLID}])(?=\\w)|(?<=\\w)(?=[{_SOLID}])"
)
_MARK = re.compile(r"(?<!\d)[.:]|[.:](?!\d)")


class Word(NamedTuple):
    """`text` as it was written; `key` is what is compared; `glued`: no space follows."""

    key: str
    text: str
    glued: bool


def words(text: str) -> tuple[Word, ...]:
    """The words of a text; marks that stand alone go with the word before them."""
    found: list[Word] = []
    loose = ""
    for chunk in text.split():
        for word in _pieces(chunk):
            if word.key:
                found.append(word._replace(text=loose + word.text) if loose else word)
                loose = ""
            elif found:
                found[-1] = Word(found[-1].key, f"{found[-1].text} {word.text}", glued=False)
            else:
                loose += f"{word.text} "
    return tuple(found)


def keys(text: str) -> tuple[str, ...]:
    return tuple(word.key for word in words(text))


def joined(parts: Sequence[Word]) -> str:
    """One text of words that may come from several; words that would grow together get a space."""
    text = ""
    for part in parts:
        text += part.text if part.glued else f"{part.text} "
    return text.rstrip()


@lru_cache(maxsize=1 << 16)
def _pieces(chunk: str) -> tuple[Word, ...]:
    pieces = _SEAM.split(chunk)
    last = len(pieces) - 1
    return tuple(Word(_key(piece), piece, glued=at != last) for at, piece in enumerate(pieces))


def _key(piece: str) -> str:
    plain = unicodedata.normalize("NFKC", piece).casefold().replace("\u2019", "'")
    spelled = "".join(c for c in plain if c in "'.:" or unicodedata.category(c)[0] not in "PSCZ")
    return _MARK.sub("", spelled).strip("'.:")

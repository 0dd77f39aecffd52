"""What the parameters of several task types share: labels, attributes, and how they are checked in an answer."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, pre_load, validate

from routing.types import Params, Problem

ATTRIBUTE_TYPES = ("category", "number", "text", "angle", "boolean")
LABELS_MAX, CHOICES_MAX, TEXT_MAX = 200, 500, 2_000
COORDINATE_MAX = 1e5  # points are 32-bit floats on the customers' wire: beyond this they lose the centimetre


class TaskParams(Schema):
    """Unknown parameters are kept and sent back, as the contract's clients expect; a null is as good as nothing."""

    class Meta:
        unknown = INCLUDE

    @pre_load
    def drop_nulls(self, data: Any, **_: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


class Number(fields.Float):
    """A JSON number and nothing that merely reads like one."""

    def _validated(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Flag(fields.Boolean):
    """True or false, not a word or a number that could mean it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class ShortText(fields.String):
    """A text that a database and every encoding can hold: no NUL, no half of a surrogate pair."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_plain(text):
            raise ValidationError("Contains a character that is none.")
        return text


def is_plain(text: str) -> bool:
    return not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)


class Label(fields.Field[Any]):
    """A string, or the contract's LabelDescription: `{choice, description?, subchoices?}`; our own word is `label`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and 0 < len(value) <= 200 and is_plain(value):
            return value
        if isinstance(value, dict):
            name = value.get("choice", value.get("label", value.get("name")))
            if not (isinstance(name, str) and 0 < len(name) <= 200 and is_plain(name)):
                raise ValidationError('"choice" is required.')
            subchoices = value.get("subchoices") or []
            if not isinstance(subchoices, list):
                raise ValidationError('"subchoices" must be a list.')
            for choice in subchoices:
                self._deserialize(choice, attr, data)
            return value
        raise ValidationError("A label is a word, or an object with the key choice.")


class AttributeDefinition(Schema):
    class Meta:
        unknown = INCLUDE

    type = fields.String(load_default="category", validate=validate.OneOf(ATTRIBUTE_TYPES))
    description = fields.String(allow_none=True)
    choices = fields.List(Label(), validate=validate.Length(1, CHOICES_MAX))
    allow_multiple = fields.Boolean()
    required = fields.Boolean()
    min = fields.Float()
    max = fields.Float()


def attributes_field() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Nested(AttributeDefinition),
        load_default=dict,
        metadata={"description": "What is asked about each object, by name."},
    )


def unique_labels(labels: list[Any]) -> None:
    """Refuse a taxonomy in which one word stands twice: the answers could not be told apart."""
    names = leaves(labels)
    if len(set(names)) < len(names):
        raise ValidationError(f"{next(n for n in names if names.count(n) > 1)!r} is there twice.")


def label_name(label: Any) -> str:
    if isinstance(label, str):
        return label
    return str(label.get("choice", label.get("label", label.get("name"))))


def leaves(labels: list[Any]) -> list[str]:
    """The names that answers use: of a nested label only its subchoices."""
    names = []
    for label in labels:
        inner = label.get("subchoices") if isinstance(label, dict) else None
        names += leaves(inner) if inner else [label_name(label)]
    return names


def labels_for_labeler(labels: list[Any]) -> list[dict[str, Any]]:
    """`[{name, color_index, description?}]`, one per leaf; the colour is the place in the taxonomy."""
    described = {label_name(x): x.get("description") for x in labels if isinstance(x, dict)}
    return [
        {"name": name, "color_index": k} | ({"description": described[name]} if described.get(name) else {})
        for k, name in enumerate(leaves(labels))
    ]


def check_attributes(path: str, given: Mapping[str, Any], definitions: Mapping[str, Params]) -> Iterator[Problem]:
    for key in given:
        if key not in definitions:
            yield Problem(f"{path}.{key}", "is not an attribute of this task.")
    for key, definition in definitions.items():
        value = given.get(key)
        if value is None or value == "" or value == []:
            if definition.get("required"):
                yield Problem(f"{path}.{key}", "is required.")
        elif (wrong := _wrong_value(value, definition)) is not None:
            yield Problem(f"{path}.{key}", wrong)


def _wrong_value(value: Any, definition: Params) -> str | None:
    kind = definition.get("type", "category")
    if kind == "category":
        return _wrong_category(value, definition)
    if kind == "boolean":
        return None if isinstance(value, bool) else "must be true or false."
    if kind == "text":
        good = isinstance(value, str) and len(value) <= TEXT_MAX and is_plain(value)
        return None if good else f"must be a text of at most {TEXT_MAX} characters."
    return _wrong_number(value, definition, angle=kind == "angle")


def _wrong_category(value: Any, definition: Params) -> str | None:
    choices = leaves(definition.get("choices") or [])
    given = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not definition.get("allow_multiple"):
        return "takes one choice, not a list."
    if any(not isinstance(one, str) or (choices and one not in choices) for one in given):
        return f"must be one of {', '.join(choices)}."
    return None


def _wrong_number(value: Any, definition: Params, *, angle: bool) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        return "must be a number."
    low, high = (0.0, 360.0) if angle else (definition.get("min"), definition.get("max"))
    if low is not None and value < low:
        return f"must be at least {low:g}."
    if high is not None and value > high:
        return f"must be at most {high:g}."
    return None

"""Files as customers send and see them."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from marketplace.schemas.shape import Time
from marketplace.schemas.strict_json import parse
from marketplace.schemas.task import Metadata


class NewFile(Schema):
    """What may be said of a file beside its content."""

    class Meta:
        unknown = EXCLUDE

    display_name = fields.String(validate=validate.Length(1, 500))
    reference_id = fields.String(
        validate=validate.Length(1, 500), metadata={"description": "Your own id; a second file with it gets 409."}
    )
    project_name = fields.String(validate=validate.Length(1, 200), metadata={"description": "Name of a project."})
    metadata = Metadata(metadata={"description": "A JSON object; in a form, its text."})

    @pre_load
    def metadata_from_text(self, data: Any, **_: Any) -> Any:
        """A form carries metadata as JSON text."""
        text = data.get("metadata") if isinstance(data, dict) else None
        if not isinstance(text, str):
            return data
        try:
            return data | {"metadata": parse(text)}
        except ValueError as error:
            raise ValidationError("Not JSON text of an object; send json.dumps(metadata).", "metadata") from error


class ImportedFile(NewFile):
    """A file that we fetch from its address."""

    file_url = fields.Url(
        required=True, schemes={"http", "https"}, require_tld=False, validate=validate.Length(max=4000)
    )


class FileSchema(Schema):
    """A file as the contract has it."""

    id = fields.String()
    attachment_url = fields.String(metadata={"description": "What a task's attachment names: scaledata://..."})
    name = fields.String()
    mime_type = fields.String()
    size = fields.Integer(metadata={"description": "Bytes."})
    project_names = fields.List(fields.String())
    reference_id = fields.String()
    metadata = fields.Dict(attribute="metadata_")
    created_at = Time()

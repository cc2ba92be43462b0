"""The JSON Schema of what `--output json` prints: draft 2020-12, additive changes bump the minor version."""

from __future__ import annotations

from typing import Any

from gamespec.report.render import FORMAT_VERSION

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


def _object(**properties: Any) -> dict[str, Any]:  # schemas; until 2027-11
    """Every property is required; consumers ignore those that they do not know."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def schema() -> dict[str, Any]:
    """The schema of one document."""
    edit = _object(file=_TEXT, start=_COUNT, end=_COUNT, text=_TEXT)
    defs = {
        "point": _object(line={"type": "integer", "minimum": 1}, column={"type": "integer", "minimum": 1}, offset=_COUNT),
        "label": _object(file=_TEXT, start=_ref("point"), end=_ref("point"), label=_TEXT),
        "fix": _object(message=_TEXT, applicability={"enum": ["safe", "unsafe"]}, edits=_list(edit)),
        "diagnostic": _object(
            code={"type": "string", "pattern": "^G[EWN][0-9]{3}$"},
            name=_TEXT,
            severity={"enum": ["error", "warning", "note"]},
            message=_TEXT,
            primary=_ref("label"),
            related=_list(_ref("label")),
            notes=_list(_TEXT),
            hint=_TEXT,
            fixes=_list(_ref("fix")),
        ),
    }
    document = _object(
        format_version={"const": FORMAT_VERSION},
        tool={"const": "gamec"},
        tool_version=_TEXT,
        valid={"type": "boolean"},
        counts=_object(error=_COUNT, warning=_COUNT, note=_COUNT),
        diagnostics=_list(_ref("diagnostic")),
    )
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "What gamec says about games"}
    return head | document | {"$defs": defs}

"""The API's own page: every request of its OpenAPI description as plain HTML, without a script.

The usual pages of this kind load somebody's script from the network, which a treatment room has
not; the description itself is at /api/openapi.json for tools.
"""

from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse


def add_docs(api: FastAPI) -> None:
    """GET /api/docs."""

    @api.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(api.openapi()))


def docs_page(described: dict[str, Any]) -> str:
    """The page of a description; every text escaped."""
    info = described["info"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(info['title'])} API</title></head><body>",
        f"<h1>{escape(info['title'])} API</h1><p>{escape(info['description'])}</p>",
        '<p>For tools: <a href="/api/openapi.json">/api/openapi.json</a></p>',
    ]
    for path, ways in described["paths"].items():
        parts += [_request(path, way, told) for way, told in ways.items()]
    parts.append("<h2>Models</h2>")
    schemas = described.get("components", {}).get("schemas", {})
    parts += [_model(name, schemas[name]) for name in sorted(schemas)]
    return "".join([*parts, "</body></html>"])


def _request(path: str, way: str, told: dict[str, Any]) -> str:
    body = _named(told.get("requestBody", {}).get("content", {}))
    good = _named(told.get("responses", {}).get("200", {}).get("content", {}))
    refusals = ", ".join(code for code in told.get("responses", {}) if code != "200")
    return (
        f"<h2>{escape(way.upper())} {escape(path)}</h2>"
        f"<p>{escape(told.get('description', ''))}</p>"
        f"<p>Request: {escape(body or 'no content')}. Answer: {escape(good or 'a file')}. "
        f"Refusals: {escape(refusals or 'none')}.</p>"
    )


def _named(content: dict[str, Any]) -> str:
    return _type(content.get("application/json", {}).get("schema", {}))


def _type(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    return str(schema.get("type", ""))


def _model(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<li>{escape(field)}: {escape(_type(told))}</li>"
        for field, told in schema.get("properties", {}).items()
    )
    about = escape(schema.get("description", ""))
    return f"<h3>{escape(name)}</h3><p>{about}</p><ul>{rows}</ul>"

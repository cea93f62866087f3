"""OpenAPI 3.1 from the table of routes: nothing in it is written twice."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from anyday import wire
from anyday.service import CREW
from anyday.web.surface import Route, Who

_PARAMETER = re.compile(r"\{([a-z_]+)(?::path)?\}")
_PROBLEM: Final = "Problem"
_WHO: Final = {
    Who.ANYONE: "Anybody may.",
    Who.READER: "The crew's members may; anybody, where the server is open to read.",
    Who.ACCOUNT: "Whoever is signed in may.",
    Who.MEMBER: "The crew's members may.",
    Who.HOLDER: "Whoever signed in themselves may; a token may not.",
    Who.OWNER: "Only the crew's owner may.",
}
#: Where a token may do.
_BY_TOKEN: Final = (Who.READER, Who.MEMBER, Who.OWNER)


@functools.lru_cache(maxsize=1)
def document(routes: Sequence[Route]) -> bytes:
    """The document as JSON."""
    spoken = [route for route in routes if route.api]
    types = [kind for route in spoken for kind in (route.input, route.reply) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, wire.Problem], ref_template="#/components/schemas/{name}")
    by_type = dict(zip([str(kind) for kind in types], schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {}
    for route in spoken:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "AnyDay",
            "version": "1",
            "description": "Bet play-money points on when something will happen. Every refusal has one shape, at the status HTTP has for it.",
        },
        "servers": [
            {"url": "/", "description": "The token's crew, or the first one that its player joined."},
            {"url": "/c/{crew}", "description": "The crew that the address names.", "variables": {"crew": {"default": CREW}}},
        ],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "anyday"},
            },
        },
    }
    return msgspec.json.encode(whole)


def _operation(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _PARAMETER.findall(route.path)
    ]
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{route.handler.__name__}",
        "summary": route.summary,
        "description": _WHO[route.who] + (f" A token needs the right “{route.right}”." if route.who in _BY_TOKEN else ""),
        "parameters": parameters,
        "responses": {
            "200": {"description": "Done.", "content": _content(route, by_type)},
            "default": {"description": "No, and why.", "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}}},
        },
    }
    if route.input is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": by_type[str(route.input)]}}}
        if "command_id" in getattr(route.input, "__struct_fields__", ()):
            parameters.append({
                "name": "Idempotency-Key", "in": "header", "required": False,
                "description": "The command's id, where the body does not carry it: a retry with the same id and body happens once.",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
            })  # fmt: skip
    if route.who is not Who.ANYONE:
        operation["security"] = [{"token": []}, {"session": []}]
    return operation


def _content(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    if route.path.endswith("/live"):
        return {"text/event-stream": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": by_type[str(route.reply)] if route.reply is not None else {}}}

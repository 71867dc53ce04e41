"""The API reference: a page an operation, from the server's own OpenAPI document."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import orjson

from server.pages.language import Language
from server.site.markdown import shown
from server.site.shell import Link, View
from server.site.texts import words

_REF: Final = "#/components/schemas/"
_METHODS: Final = ("get", "post", "delete", "put", "patch")
_DEEPEST: Final = 3
_MOST_BESIDE: Final = 3
_FORM: Final = "multipart/form-data"
Side = Sequence[tuple[str, Sequence[Link]]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation of the document."""

    method: str
    path: str
    told: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.told["operationId"])

    @property
    def auth(self) -> str:
        ways = [next(iter(way), "") for way in self.told.get("security", [])]
        return "auth_paid" if "x402" in ways else "auth_key" if "bearer" in ways else "auth_public"


class Reference:
    """``document`` gives the current OpenAPI document: it may be drawn anew while the server runs."""

    def __init__(self, document: Callable[[], bytes], base_url: str) -> None:
        self._read = document
        self._base_url = base_url
        self._seen = b""
        self._document: Mapping[str, Any] = {}
        self._entries: tuple[Entry, ...] = ()

    def overview(self, language: Language, side: Side) -> View:
        """All operations by tag."""
        self._load()
        say = words(language)
        parts = [f'<h1>{escape(say["api"])}</h1>\n<p class="lead">{escape(say["api_lead"])}</p>\n']
        toc = []
        for tag in self._document["tags"]:
            entries = [entry for entry in self._entries if entry.told["tags"] == [tag["name"]]]
            if not entries:
                continue
            toc.append(Link(f"#{tag['name']}", tag["name"]))
            rows = "".join(_row(entry) for entry in entries)
            about = escape(tag["description"])
            parts.append(
                f'<h2 id="{tag["name"]}">{escape(tag["name"])}</h2>\n<p>{about}</p>\n'
                f'<ul class="routes">{rows}</ul>\n'
            )
        return View("/docs/api", say["api"], "".join(parts), side, toc)

    def view(self, operation_id: str, language: Language, side: Side) -> View | None:
        """One operation; None where there is none of that id."""
        self._load()
        at = next((i for i, entry in enumerate(self._entries) if entry.id == operation_id), None)
        if at is None:
            return None
        entry = self._entries[at]
        html = "".join(self._page(entry, words(language)))
        before = self._entries[at - 1] if at else None
        after = self._entries[at + 1] if at + 1 < len(self._entries) else None
        return View(
            f"/docs/api/{entry.id}",
            f"{entry.method} {entry.path}",
            html,
            side,
            (),
            Link(f"/docs/api/{before.id}", before.told["summary"]) if before else None,
            Link(f"/docs/api/{after.id}", after.told["summary"]) if after else None,
        )

    def index(self) -> list[dict[str, Any]]:
        """Rows of the search."""
        self._load()
        return [
            {
                "t": f"{entry.method} {entry.path}",
                "p": "API",
                "u": f"/docs/api/{entry.id}",
                "x": entry.told["summary"],
            }
            for entry in self._entries
        ]

    def _load(self) -> None:
        body = self._read()
        if body is self._seen:
            return
        self._seen = body
        self._document = orjson.loads(body)
        self._entries = tuple(
            Entry(method.upper(), path, item[method])
            for path, item in self._document["paths"].items()
            for method in _METHODS
            if method in item
        )

    def _page(self, entry: Entry, say: Mapping[str, str]) -> Iterator[str]:
        told = entry.told
        yield f"<h1>{escape(told['summary'])}</h1>\n"
        yield (
            f"<p>{_method(entry)} <code>{escape(entry.path)}</code> "
            f'<span class="badge">{escape(say[entry.auth])}</span></p>\n'
        )
        if told.get("description"):
            yield f"<p>{escape(told['description'])}</p>\n"
        kind, body = _body_of(told)
        yield self._trial(entry, kind, body, say)
        parameters = told.get("parameters", [])
        if parameters:
            yield f'<h2 id="parameters">{escape(say["parameters"])}</h2>\n'
            heads = (say["name"], say["place"], say["type"], say["required"], say["description"])
            yield table(heads, [_parameter(one, say) for one in parameters])
        if body is not None:
            yield f'<h2 id="body">{escape(say["body"])}</h2>\n<p><code>{escape(kind)}</code></p>\n'
            yield self._members(body["schema"], say)
            example = _example(body)
            if example is not None:
                yield shown(_pretty(example), "json")
        yield f'<h2 id="answers">{escape(say["answers"])}</h2>\n'
        rows = [
            (
                f"<code>{status}</code>",
                escape(answer["description"]),
                escape(", ".join(answer.get("content", {}))),
            )
            for status, answer in told["responses"].items()
            if status < "400"
        ]
        yield table((say["code"], say["description"], say["type"]), rows)
        errors = list(self._errors(told["responses"]))
        if errors:
            yield f'<h2 id="errors">{escape(say["errors"])}</h2>\n'
            yield table((say["code"], "HTTP", say["message"], say["resolution"]), errors)

    def _errors(self, responses: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
        for status, answer in responses.items():
            examples = answer.get("content", {}).get("application/json", {}).get("examples", {})
            for code, example in examples.items():
                error = example.get("value", {}).get("error")
                if status >= "400" and isinstance(error, Mapping):
                    told = (str(error.get("message", "")), str(error.get("resolution", "")))
                    yield (f"<code>{escape(code)}</code>", status, *(escape(text) for text in told))

    def _members(self, schema: Mapping[str, Any], say: Mapping[str, str]) -> str:
        rows = list(self._rows(schema, "", 1, say))
        heads = (say["name"], say["type"], say["required"], say["description"])
        return table(heads, rows) if rows else ""

    def _rows(
        self, schema: Mapping[str, Any], prefix: str, depth: int, say: Mapping[str, str]
    ) -> Iterator[tuple[str, ...]]:
        schema = self._resolved(schema)
        required = schema.get("required", [])
        for name, entry in schema.get("properties", {}).items():
            member = self._resolved(entry)
            needed = say["yes"] if name in required else say["no"]
            about = _marked(str(entry.get("description") or member.get("description") or ""))
            yield f"<code>{escape(prefix + name)}</code>", escape(self._type(entry)), needed, about
            inner, end = (member, ".") if "properties" in member else (member.get("items", {}), "[].")
            if depth < _DEEPEST and "properties" in self._resolved(inner):
                yield from self._rows(inner, f"{prefix}{name}{end}", depth + 1, say)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        ref = schema.get("$ref", "")
        if ref.startswith(_REF):
            return dict(self._document["components"]["schemas"][ref.removeprefix(_REF)])
        kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
        return self._resolved(kinds[0]) if len(kinds) == 1 else schema

    def _type(self, schema: Mapping[str, Any]) -> str:
        if "anyOf" in schema or "oneOf" in schema:
            kinds = [self._type(kind) for kind in schema.get("anyOf") or schema["oneOf"]]
            return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
        schema = self._resolved(schema)
        if "enum" in schema:
            return " | ".join(map(str, schema["enum"]))
        if "const" in schema:
            return str(schema["const"])
        kind = schema.get("type", "any")
        if kind == "array":
            return f"array of {self._type(schema.get('items', {}))}"
        return kind if isinstance(kind, str) else " or ".join(kind)

    def _trial(
        self, entry: Entry, kind: str, body: Mapping[str, Any] | None, say: Mapping[str, str]
    ) -> str:
        """The form that sends a real request; /site/try.js brings it to life."""
        fields = [
            _field(one["in"], one["name"], one.get("required", False))
            for one in entry.told.get("parameters", [])
            if one["in"] in ("path", "query")
        ]
        if body is not None and kind == _FORM:
            fields += self._form_fields(body["schema"])
        elif body is not None:
            text = escape(_pretty(_example(body) or {}))
            area = f'<textarea name="body" rows="8" spellcheck="false">{text}</textarea>'
            fields.append(f"<label>{escape(say['body'])}{area}</label>")
        key = ""
        if entry.auth != "auth_public":
            key = (
                f'<label>{escape(say["key"])}<input name="key" type="password" autocomplete="off" '
                f'placeholder="batchin_api_…"></label>'
            )
        told = {"method": entry.method, "path": entry.path, "kind": kind, "base": self._base_url}
        data = " ".join(f'data-{name}="{escape(value)}"' for name, value in told.items())
        button = f'<button type="submit" class="primary">{escape(say["send"])}</button>'
        return (
            f'<section class="try card" aria-labelledby="try"><h2 id="try">{escape(say["try"])}</h2>\n'
            f'<p class="hint">{escape(say["try_hint"])}</p>\n'
            f"<noscript><p>{escape(say['needs_js'])}</p></noscript>\n"
            f"<form {data}>{key}{''.join(fields)}{button}</form>\n"
            '<div class="code"><pre tabindex="0"><code class="curl"></code></pre></div>\n'
            '<div class="answer" role="status" aria-live="polite"></div></section>\n'
        )

    def _form_fields(self, schema: Mapping[str, Any]) -> list[str]:
        schema = self._resolved(schema)
        required = schema.get("required", [])
        return [
            _field("file" if _is_file(member) else "form", name, name in required)
            for name, member in schema.get("properties", {}).items()
        ]


def _method(entry: Entry) -> str:
    return f'<span class="method {entry.method.lower()}">{entry.method}</span>'


def _row(entry: Entry) -> str:
    return (
        f'<li><a href="/docs/api/{entry.id}">{_method(entry)}'
        f"<code>{escape(entry.path)}</code> <span>{escape(entry.told['summary'])}</span></a></li>"
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f'<th scope="col" role="columnheader">{escape(text)}</th>' for text in heads)
    body = "".join(f'<tr role="row">{_cells(heads, row)}</tr>' for row in rows)
    inner = (
        f'<table role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )
    look = "table stacked" if len(heads) > _MOST_BESIDE else "table"
    return f'<div class="{look}" tabindex="0">{inner}</div>\n'


def _cells(heads: Sequence[str], row: Sequence[str]) -> str:
    """A phone shows a row of many as a card: each cell knows its name, and roles stay what they are."""
    return "".join(
        f'<td role="cell" data-label="{escape(name)}"><div class="cell">{cell}</div></td>'
        for name, cell in zip(heads, row, strict=True)
    )


def _marked(text: str) -> str:
    """A description, whose names stand between backticks."""
    return re.sub(r"``?([^`]+)``?", r"<code>\1</code>", escape(" ".join(text.split())))


def _parameter(one: Mapping[str, Any], say: Mapping[str, str]) -> tuple[str, ...]:
    return (
        f"<code>{escape(one['name'])}</code>",
        escape(one["in"]),
        escape(str(one.get("schema", {}).get("type", "string"))),
        say["yes"] if one.get("required") else say["no"],
        escape(one.get("description", "")),
    )


def _body_of(told: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    content = told.get("requestBody", {}).get("content", {})
    if not content:
        return "", None
    kind = "application/json" if "application/json" in content else next(iter(content))
    return kind, content[kind]


def _example(body: Mapping[str, Any]) -> Any:
    return next((one.get("value") for one in body.get("examples", {}).values()), body.get("example"))


def _is_file(member: Mapping[str, Any]) -> bool:
    """One file, or a list of them."""
    return member.get("format") == "binary" or member.get("items", {}).get("format") == "binary"


def _field(place: str, name: str, required: bool) -> str:
    kind = "file" if place == "file" else "text"
    needed = " required" if required else ""
    return (
        f'<label><span><code>{escape(name)}</code> {place}</span><input type="{kind}" '
        f'name="{place}:{escape(name)}" autocomplete="off" spellcheck="false"{needed}></label>'
    )


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

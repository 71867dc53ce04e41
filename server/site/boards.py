"""Status, compute and prices as pages, from the same values as their JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from server.pages.language import Language
from server.site.reference import table
from server.site.shell import View
from server.site.texts import words

_UNITS = {
    "input": "million_in",
    "output": "million_out",
    "per_second": "per_second",
    "per_million_characters": "per_million_characters",
    "per_image": "per_image",
}


def status_view(told: Mapping[str, Any], language: Language) -> View:
    """Of the body of GET /v1/status."""
    say = words(language)
    title = say[f"status_{told['status']}"]
    log, rail = told["log"], told["settlement"]
    mood = "good" if told["status"] == "ok" else "bad"
    rows = [
        (
            f"<code>{escape(one['id'])}</code>",
            _state(one["state"], say),
            escape(", ".join(one["models"])),
            str(one["running"]),
            str(one["queued"]),
            str(one["restarts"]),
        )
        for one in told["engines"]
    ]
    heads = [say[name] for name in ("engine", "state", "models", "running", "queued", "restarts")]
    checkpoint = _time(log["checkpoint_at"]) if log["checkpoint_at"] else escape(say["none_yet"])
    waits = f"{log['waiting']} {escape(say['waiting'])}"
    facts = [
        (say["store"], _state(told["store"], say)),
        (
            say["settlement"],
            f"{_state(rail['state'], say)} · {rail['unsettled']} {escape(say['waiting'])}",
        ),
        (say["networks"], escape(", ".join(rail["networks"]) or say["off"])),
        (say["log"], f"{_state(log['state'], say)} · {waits}"),
        (say["checkpoint"], checkpoint),
        (say["records"], escape(str(log["size"] or 0))),
        (say["anchors"], escape(log["anchors_on"] if log["anchors"] else say["off"])),
    ]
    html = (
        f"<h1>{escape(say['status'])}</h1>\n"
        f'<p class="note {mood}"><strong>{escape(title)}</strong></p>\n'
        f"{_as_of(told, say)}{_facts(facts)}"
        f"<h2>{escape(say['engines'])}</h2>\n{table(heads, rows)}"
        f"<h2>{escape(say['incidents'])}</h2>\n{_incidents(told['incidents'], say)}"
        f"{_source('/v1/status', say)}"
    )
    return View("/status", say["status"], html)


def compute_view(told: Mapping[str, Any], language: Language) -> View:
    """Of the body of GET /v1/compute."""
    say = words(language)
    rows = [
        (
            escape(row["kind"] or say["not_told"]),
            _number(row["count"], say),
            _number(row["memory_gib"], say),
            escape(", ".join(row["lanes"])),
            escape(row["region"]),
        )
        for row in told["data"]
    ]
    heads = [say[name] for name in ("hardware", "count", "memory", "lanes", "region")]
    html = (
        f'<h1>{escape(say["compute"])}</h1>\n<p class="lead">{escape(say["compute_lead"])}</p>\n'
        f"{_as_of(told, say)}{table(heads, rows)}{_source('/v1/compute', say)}"
    )
    return View("/compute", say["compute"], html)


def models_view(told: Mapping[str, Any], status: Mapping[str, str], language: Language) -> View:
    """Of the body of GET /v1/pricing; ``status`` tells how each model is served now."""
    say = words(language)
    heads = [
        say[name] for name in ("model", "kind", "state", "price", "context", "license", "served_by")
    ]
    rows = [
        (
            f"<code>{escape(model['id'])}</code>",
            escape(model["modality"]),
            _word(status.get(model["id"], ""), say),
            _prices(model, say),
            f"{model['context_length']:,}",
            escape(model["license"]),
            "" if model["served_by"] == model["id"] else f"<code>{escape(model['served_by'])}</code>",
        )
        for model in told["models"]
    ]
    rails = "".join(f"<li>{_rail(rail)}</li>" for rail in told["rails"])
    html = (
        f'<h1>{escape(say["pricing"])}</h1>\n<p class="lead">{escape(say["pricing_lead"])}</p>\n'
        f"{table(heads, rows)}"
        f"<h2>{escape(say['rails'])}</h2>\n<ul>{rails}</ul>\n"
        f'<h2>{escape(say["rounding"])}</h2>\n<p lang="en">{escape(told["rounding"])}</p>\n'
        f"{_source('/v1/pricing', say)}"
    )
    return View("/models", say["pricing"], html)


def catalog_html(models: Sequence[Mapping[str, Any]], language: Language) -> str:
    """The part of the changelog that is the catalog itself: the newest models first."""
    say = words(language)
    newest = sorted(models, key=lambda model: -int(model["created"]))
    rows = [
        (f"<code>{escape(model['id'])}</code>", _day(model["created"]), _word(str(model["status"]), say))
        for model in newest
    ]
    heads = [say[name] for name in ("model", "since", "state")]
    return f'<h2 id="catalog">{escape(say["catalog_now"])}</h2>\n{table(heads, rows)}'


def _rail(rail: Mapping[str, Any]) -> str:
    if rail["rail"] != "x402":
        return f"<strong>{escape(rail['unit'])}</strong> · <code>{escape(rail['how'])}</code>"
    return "<strong>x402</strong> · " + ", ".join(
        f"{escape(str(one['network']))} <code>{escape(str(one['asset']))}</code>"
        for one in rail["networks"]
    )


def _prices(model: Mapping[str, Any], say: Mapping[str, str]) -> str:
    found = [
        f"{escape(str(model[name]))} {escape(say[unit])}"
        for name, unit in _UNITS.items()
        if float(model.get(name) or 0)
    ]
    return "<br>".join(found) or escape(say["free"])


def _incidents(incidents: Sequence[Mapping[str, Any]], say: Mapping[str, str]) -> str:
    if not incidents:
        return f"<p>{escape(say['no_incidents'])}</p>\n"
    rows = [
        (
            f"<code>{escape(one['component'])}</code>",
            _state(one["state"], say),
            _time(one["began_at"]),
            _time(one["ended_at"]) if one["ended_at"] else escape(say["lasts"]),
        )
        for one in incidents
    ]
    return table([say[name] for name in ("component", "state", "began", "ended")], rows)


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return (
        '<dl class="facts">'
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{v}</dd></div>" for k, v in facts)
        + "</dl>\n"
    )


def _state(state: str, say: Mapping[str, str]) -> str:
    good = "good" if state in ("ok", "ready", "off") else "bad"
    return f'<span class="badge {good}">{escape(say.get(state, state))}</span>'


def _word(state: str, say: Mapping[str, str]) -> str:
    """A state in the reader's language, where there is a word for it."""
    return escape(say.get(state, state))


def _number(value: float | None, say: Mapping[str, str]) -> str:
    return escape(say["not_told"]) if value is None else f"{value:,}"


def _time(text: str) -> str:
    return (
        f'<time datetime="{escape(text)}">{escape(text.replace("T", " ").replace("Z", " UTC"))}</time>'
    )


def _day(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


def _as_of(told: Mapping[str, Any], say: Mapping[str, str]) -> str:
    return f'<p class="hint">{escape(say["as_of"])} {_time(told["as_of"])}</p>\n'


def _source(path: str, say: Mapping[str, str]) -> str:
    return f'<p class="hint">{escape(say["source"])}: <a href="{path}"><code>GET {path}</code></a></p>\n'

"""``batchin verify``: check a record and its receipt, one check a line."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.options import AsJson, Config, DataDir

if TYPE_CHECKING:
    from settlement.evidence.verdict import Verdict


def verify(
    source: Annotated[
        str,
        typer.Argument(
            help="A bundle: a file, - for standard input, the URL of one, or the id of a run or record "
            "(which a running server is asked for).",
            metavar="FILE|-|ID|URL",
        ),
    ],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            help="A key that you trust: ed25519:pk_... of receipts, or a verifier key of the log. "
            "May be given again.",
            show_default=False,
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="A saved answer of GET /v1/vaas/pubkey/current.", dir_okay=False, exists=True
        ),
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option(help="The request body, to check that it is the one.", dir_okay=False, exists=True),
    ] = None,
    response: Annotated[
        Path | None,
        typer.Option(help="The response body, likewise.", dir_okay=False, exists=True),
    ] = None,
    salt: Annotated[
        str | None,
        typer.Option(
            help="The salt of the record's hashes, where they are salted: 64 hex digits, as its caller "
            "got them.",
            show_default=False,
        ),
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            help="File of the last checkpoint seen of each log, made at first use: compare the bundle's "
            "with it, and the server's where one is asked. A log that was forked, rolled back or "
            "rewritten fails.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    consistency: Annotated[
        Path | None,
        typer.Option(
            help="A saved answer of GET /v1/audit/log/consistency, for --checkpoints where no server is "
            "asked.",
            dir_okay=False,
            exists=True,
            show_default=False,
        ),
    ] = None,
    online: Annotated[
        bool,
        typer.Option("--online", help="Ask the chain too: payment, agent, wallet and anchor."),
    ] = False,
    rpc: Annotated[
        str | None,
        typer.Option(
            help="JSON-RPC node to ask, with --online (default: that of a server that runs here).",
            show_default=False,
        ),
    ] = None,
    confirmations: Annotated[
        int | None,
        typer.Option(
            help="Blocks from which on a transaction is final (default: 12; 1 on a development chain).",
            min=1,
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Server to ask for an ID and for its published keys.", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check the record and the receipt of a call.

    Signatures, hashes, prices, the place in the log: one line each.

    With --online also what the chain says: the payment, who was paid, the agent's entry in the Identity
    Registry and the file behind it, the anchor. Name a node of your own: the server's proves less.

    Who verifies more than once keeps checkpoints: with --checkpoints a log that shows different pasts is
    found out, offline by --consistency, else by asking its server.

    Nothing is believed because the bundle says it: pin a key with --key, or name whose published keys to
    take with --keys or --url. For an ID the keys are those of the server that is asked. Exit status: 0
    valid, 1 not valid, 2 a check could not be made.
    """
    import asyncio

    from server.commands.kept import Kept, Proofs, compared, saved_growth
    from server.commands.office import folder_of
    from server.commands.online import asked_online, node_of
    from server.commands.show import show_json
    from server.commands.sources import Source, read_source
    from settlement.evidence.bundle import UnreadableBundle
    from settlement.evidence.verify import Bodies, verify_bundle

    bodies = Bodies(_body(request), _answer(response), _salt(salt))
    wanted = Source(source, tuple(key or ()), keys, url, data_dir, config)
    try:
        found = asyncio.run(read_source(wanted))
    except UnreadableBundle as error:
        verdict, keys_from = _unreadable(error), "none"
    else:
        verdict, keys_from = verify_bundle(found.bundle, found.trust, bodies), found.keys_from
        if checkpoints is not None:
            kept, proofs = Kept.read(checkpoints), Proofs(saved_growth(consistency), found.server)
            verdict = asyncio.run(compared(verdict, found, kept, proofs))
        if online or rpc is not None:
            node = node_of(rpc, folder_of(data_dir, config), confirmations)
            verdict = asyncio.run(asked_online(verdict, found.bundle, node))
    if as_json:
        show_json(verdict.document())
    else:
        _show(verdict, keys_from)
    raise typer.Exit(verdict.exit_code)


def _body(path: Path | None) -> object:
    if path is None:
        return None
    from server.commands.sources import read_json

    return read_json(path)


def _salt(text: str | None) -> bytes:
    from server.commands.failure import USAGE, CommandFailed
    from settlement.evidence.salting import salt_from

    if text is None:
        return b""
    salt = salt_from(text)
    if salt is None:
        raise CommandFailed("--salt: it should be 64 hex digits in lower case.", status=USAGE)
    return salt


def _answer(path: Path | None) -> object:
    """JSON, or the bytes of an answer that is none: sound, text."""
    if path is None:
        return None
    import orjson

    data = path.read_bytes()
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return data


def _unreadable(error: Exception) -> "Verdict":
    from settlement.evidence.verdict import Findings

    findings = Findings()
    findings.add("schema", str(error))
    return findings.verdict("")


def _show(verdict: "Verdict", keys_from: str) -> None:
    from server.commands.show import show_table
    from server.verdicts import meaning_of, summary_of

    typer.echo(f"Record {verdict.record_id or '(unreadable)'}; keys trusted: {keys_from}")
    show_table(
        ("result", "check", "what it means"),
        [
            (check.result.value, check.name, check.detail or meaning_of(check.name))
            for check in verdict.checks
        ],
    )
    typer.echo(summary_of(verdict))

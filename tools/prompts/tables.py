"""The tables of prompts: versions, samples of calls that used them, and trials of one version."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table

TABLES: Final = MetaData()

PROMPT: Final = Table(
    "prompt",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("promoted", String, nullable=True),
    Column("trail", String, nullable=False),
    Column("split_id", String, nullable=True),
    Column("made", BigInteger, nullable=False),
    Column("automatic", String, nullable=True),
    sqlite_with_rowid=False,
)
"""``promoted`` is a version; ``trail`` are the promotions that led there, as JSON, the last one last.
``split_id`` is the experiment that its calls are split by. ``made`` counts the versions made.
``automatic`` is the regression that each new version gets by itself, as JSON, NULL for none."""

PROMPT_VERSION: Final = Table(
    "prompt_version",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Written once: ``digest`` is the SHA-256 of what ``salt`` and ``box`` seal."""

PROMPT_SAMPLE: Final = Table(
    "prompt_sample",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("version", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What a call of a key that opted in was asked, sealed. ``slot`` are 60 bits of its run's id."""

PROMPT_TRIAL: Final = Table(
    "prompt_trial",
    TABLES,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("baseline", String, nullable=False),
    Column("candidate", String, nullable=False),
    Column("status", String, nullable=False),
    Column("promotion", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("result", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("batch_id", String, nullable=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger, nullable=True),
    sqlite_with_rowid=False,
)
"""A candidate against a baseline: ``kind`` replay (a regression) or split (an experiment on live calls).
``rule`` and ``result`` are JSON without texts; what is replayed, and by whom, is sealed and goes when it
has ended. ``batch_id`` is the batch that runs for it now."""

PROMPT_OUTCOME: Final = Table(
    "prompt_outcome",
    TABLES,
    Column("trial_id", String, primary_key=True),
    Column("run_id", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("good", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What callers said of runs of an experiment: 1 good, 0 bad."""

Index("prompt_sample_expires", PROMPT_SAMPLE.c.expires_at_ms)
Index("prompt_trial_account", PROMPT_TRIAL.c.account_id, PROMPT_TRIAL.c.id)
Index("prompt_trial_status", PROMPT_TRIAL.c.status)

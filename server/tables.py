"""Every table that this server writes, declared by the packages that own them."""

from typing import Final

from sqlalchemy import MetaData

from settlement.agent.tables import TABLES as AGENT
from settlement.chain.tables import TABLES as CHAIN
from settlement.deposits.tables import TABLES as DEPOSITS
from settlement.evidence.tables import TABLES as EVIDENCE
from settlement.idempotency.tables import TABLES as IDEMPOTENCY
from settlement.ledger.tables import TABLES as LEDGER
from settlement.reservations.tables import TABLES as RESERVATIONS
from settlement.sign_in.tables import TABLES as SIGN_IN
from settlement.topups.tables import TABLES as TOPUPS
from settlement.x402.tables import TABLES as X402
from tools.files.tables import TABLES as FILES
from tools.incidents.tables import TABLES as INCIDENTS
from tools.jobs.tables import TABLES as JOBS
from tools.prompts.tables import TABLES as PROMPTS
from tools.records.tables import TABLES as RECORDS
from tools.responses.tables import TABLES as RESPONSES
from tools.tasks.tables import TABLES as TASKS

DATABASE: Final = "batchin.db"
TABLES: Final[tuple[MetaData, ...]] = (
    LEDGER,
    RESERVATIONS,
    EVIDENCE,
    X402,
    CHAIN,
    AGENT,
    TASKS,
    FILES,
    RESPONSES,
    IDEMPOTENCY,
    TOPUPS,
    DEPOSITS,
    SIGN_IN,
    JOBS,
    RECORDS,
    INCIDENTS,
    PROMPTS,
)

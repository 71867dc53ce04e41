"""Every state of a payment is in the documented shape of its status, and says what to do."""

from manifests.payment import PaymentReport
from settlement.x402 import status
from settlement.x402.payment import State


def test_every_state_is_documented() -> None:
    schema = PaymentReport.model_json_schema()["properties"]["status"]
    states = {state.value for state in State}
    assert set(schema["enum"]) == states
    assert {state.value for state in status.SAYS} == states

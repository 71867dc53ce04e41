"""Where calls go: home to what was read before, elsewhere when home has much more to do."""

from collections import Counter
from dataclasses import dataclass, replace

from runtime.engine import EngineCall, Modality
from runtime.routing.affinity import preferred
from tests.unit.runtime.engines import chat_call, embed_call


@dataclass
class Busy:
    id: str
    load: int = 0


def conversation(*texts: str, tenant: str = "acct_1") -> EngineCall:
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    system = {"role": "system", "content": "Be brief."}
    return chat_call(tenant=tenant, messages=[system, *messages])


def replicas(count: int = 4) -> list[Busy]:
    return [Busy(f"sglang-{number}") for number in range(count)]


def test_a_conversation_stays_where_it_began() -> None:
    began = preferred(conversation("Hello"), replicas())[0]
    later = conversation("Hello", "Hi, how can I help?", "Tell me more")
    assert preferred(later, replicas())[0] == began


def test_conversations_and_accounts_spread() -> None:
    homes = Counter(preferred(conversation(f"q{n}"), replicas())[0].id for n in range(400))
    assert len(homes) == 4
    assert min(homes.values()) > 50
    tenants = {preferred(conversation("q", tenant=f"a{n}"), replicas())[0].id for n in range(50)}
    assert len(tenants) == 4


def test_a_replica_that_goes_moves_its_own_conversations_only() -> None:
    calls = [conversation(f"q{n}") for n in range(100)]
    before = [preferred(call, replicas())[0].id for call in calls]
    left = [replica for replica in replicas() if replica.id != "sglang-2"]
    after = [preferred(call, left)[0].id for call in calls]
    assert all(a == b for a, b in zip(after, before, strict=True) if b != "sglang-2")


def test_a_home_with_much_more_to_do_is_left() -> None:
    call = conversation("Hello")
    home = preferred(call, replicas())[0].id
    busy = [replace(replica, load=5 if replica.id == home else 1) for replica in replicas()]
    assert preferred(call, busy)[0].id == home
    busy = [replace(replica, load=6 if replica.id == home else 1) for replica in replicas()]
    assert preferred(call, busy)[0].id != home
    even = [replace(replica, load=106 if replica.id == home else 100) for replica in replicas()]
    assert preferred(call, even)[0].id == home


def test_without_a_prompt_to_read_again_the_least_busy_goes_first() -> None:
    busy = [Busy("a", 3), Busy("b", 1), Busy("c", 2)]
    assert [replica.id for replica in preferred(embed_call("text"), busy)] == ["b", "c", "a"]


def test_completions_have_homes_too() -> None:
    prompt = "def fibonacci(n):"
    body = {"prompt": prompt}
    whole = EngineCall("r", Modality.COMPLETION, "m", body, "acct_1")
    listed = replace(whole, body={"prompt": [prompt, "other"]})
    assert preferred(whole, replicas())[0] == preferred(listed, replicas())[0]

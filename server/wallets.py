"""What a wallet may do with its signature alone, as the settings have it."""

from base.clock import Clock
from base.sealing import Sealer
from base.settings import Settings
from settlement.ledger.keys import Keys
from settlement.sign_in.nonces import Nonces
from settlement.sign_in.sign_in import SignIn
from settlement.x402.wallets import Wallets
from storage.op import Store


def sign_in_of(
    settings: Settings,
    url: str,
    networks: tuple[str, ...],
    store: Store,
    keys: Keys,
    sealer: Sealer,
    wallets: Wallets,
    clock: Clock,
) -> SignIn:
    """``url`` is where this server is reached, ``networks`` the chains of its wallets (CAIP-2)."""
    nonces = Nonces(sealer.derived(b"sign-in"))
    return SignIn(store, keys, clock, nonces, wallets, url, networks, settings.access_token_ttl_s)

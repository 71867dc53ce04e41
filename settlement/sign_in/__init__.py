"""Sign-in with a wallet: a signature in place of a key, for what the wallet owns."""

"""Top-ups: people fund their balance by card, wallet app or transfer, each payment credited once."""

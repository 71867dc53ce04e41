"""The ledger: accounts and keys, holds and captures, an append-only double entry behind them."""

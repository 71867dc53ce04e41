"""Chains: JSON-RPC access, durable transactions, the contracts, the embedded dev chain."""

"""USDC deposits: an address for each account, watched on every configured chain, credited once."""

"""Money and proof: accounts, holds, payments, chains and signed evidence."""

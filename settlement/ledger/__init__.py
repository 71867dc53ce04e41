"""The books: accounts, keys, holds, transfers and usage, as operations on the store."""

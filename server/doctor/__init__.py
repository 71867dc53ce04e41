"""The doctor: what a machine and a running server claim, and whether it is so."""

"""The contracts of ERC-8004 (Trustless Agents): where they stand, their calls and events as bytes."""

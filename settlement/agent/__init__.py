"""The server as an agent of ERC-8004: registration, wallet, anchors, feedback."""

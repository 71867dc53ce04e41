"""An independent validator of ERC-8004: reads a server, calls it as a customer, answers."""

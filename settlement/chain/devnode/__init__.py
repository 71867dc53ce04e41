"""The development chain's node: an Ethereum JSON-RPC server on py-evm, run as a child process."""

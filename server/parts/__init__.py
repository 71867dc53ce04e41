"""The parts of a server, each put together in the file that is named by what it holds; ``server.app``
enters them in the order in which they need each other."""

"""The public state of the server: what serves now, what did not, and what it runs on."""

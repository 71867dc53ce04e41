"""The tool core: every capability is one tool, every call takes one path."""

"""Word lists, written as one text."""


def listed(text: str) -> frozenset[str]:
    """The words of a text; a hyphen joins two words to one entry."""
    return frozenset(word.replace("-", " ") for word in text.split())

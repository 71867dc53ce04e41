"""A prompt as a list of words."""

import re
import unicodedata
from typing import Final

COMMA: Final = ","
MAX_WORDS: Final = 1000
_SIGN: Final = "\u203c-\u3299\U0001f000-\U0001faff"
_JOINT: Final = "\ufe0f\u200d\u2640\u2642\U0001f3fb-\U0001f3ff\U0001f000-\U0001faff"
_EMOJI: Final = f"[{_SIGN}][{_JOINT}]*"
_TOKEN: Final = re.compile(rf"{_EMOJI}|\d+[^\W_]*|[^\W\d_]+(?:'[^\W\d_]+)*\d*|[,;:.!?()\[\]/|\n]|[&+]")
_SELECTORS: Final = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")
_IRREGULAR: Final = {
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "men": "man",
    "women": "woman",
    "children": "child",
    "people": "person",
    "oxen": "ox",
    "wolves": "wolf",
    "leaves": "leaf",
    "knives": "knife",
    "loaves": "loaf",
    "elves": "elf",
    "calves": "calf",
    "shelves": "shelf",
    "scarves": "scarf",
    "cacti": "cactus",
    "octopi": "octopus",
    "fungi": "fungus",
    "dice": "dice",
    "firemen": "fireman",
    "policemen": "policeman",
    "snowmen": "snowman",
    "mermen": "merman",
    "fish": "fish",
    "sheep": "sheep",
    "deer": "deer",
    "moose": "moose",
    "bison": "bison",
    "shrimp": "shrimp",
    "squid": "squid",
}


def tokens(prompt: str) -> list[str]:
    """Words in lower case without hyphens, emojis, and ``,`` for whatever separates.

    At most MAX_WORDS of them: what comes after is not read.
    """
    text = unicodedata.normalize("NFKC", prompt).lower().replace("\u2019", "'").replace("-", " ")
    found = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "&+":
            found.append("and")
        elif token in ",;:.!?()[]/|\n":
            if found and found[-1] != COMMA:
                found.append(COMMA)
        elif ord(token[0]) >= 0x203C and not token[0].isalpha():
            found.append(_SELECTORS.sub("", token))
        else:
            found.append(token.removesuffix("'s").removesuffix("'"))
        if len(found) >= MAX_WORDS:
            break
    return found


def singular(word: str) -> str | None:
    """The singular of a plural noun by the rules of English spelling; None for what is no plural."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return None
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return word[:-2]
    return word[:-1]

"""What a model file tells of its chat template."""

import mmap
import struct
from pathlib import Path
from typing import Final

_KEY: Final = b"tokenizer.chat_template"
_STRING: Final = 8
_MOST: Final = 1_048_576


def template_of(path: Path) -> str:
    """The chat template in a GGUF file, "" where there is none (GGUF specification, version 3: a key is
    followed by the type of its value, a string by its length). Blocking: reads the head of the file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_KEY)
        if at < 0:
            return ""
        start = at + len(_KEY)
        kind, length = struct.unpack_from("<IQ", data, start)
        if kind != _STRING or length > _MOST:
            return ""
        begin = start + 12
        return data[begin : begin + length].decode("utf-8", "replace")

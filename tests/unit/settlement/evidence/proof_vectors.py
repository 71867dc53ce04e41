"""Makes the vectors of Merkle proofs (RFC 9162 section 2.1); run as a module it writes the file.

Entry number i is i in 4 bytes, big-endian. Small trees of every size, and larger ones at random.
"""

import json
import random
from pathlib import Path
from typing import Any, Final

from settlement.evidence import merkle
from settlement.evidence.tiles import grown, node_of

PATH = Path(__file__).parents[3] / "vectors" / "proofs.json"
LARGEST: Final = 70
_SEED: Final = 9162


def entry(number: int) -> bytes:
    return number.to_bytes(4, "big")


def vectors() -> dict[str, Any]:
    """``{trees: [{size, root, inclusion, consistency}]}``, hashes in hex."""
    draw = random.Random(_SEED)
    larger = sorted(draw.sample(range(LARGEST + 1, 5000), 12))
    most = larger[-1]
    leaves = [merkle.leaf_hash(entry(number)) for number in range(most)]
    node = node_of(grown(0, {}, leaves))
    trees = []
    for size in (*range(LARGEST + 1), *larger):
        places = sorted({0, size // 2, size - 1, draw.randrange(size)}) if size else []
        firsts = sorted({1, size // 2 or 1, size, draw.randrange(1, size + 1)}) if size else []
        trees.append(
            {
                "size": size,
                "root": merkle.root(size, node).hex(),
                "inclusion": [
                    {
                        "index": index,
                        "leaf": leaves[index].hex(),
                        "path": [item.hex() for item in merkle.inclusion(index, size, node)],
                    }
                    for index in places
                ],
                "consistency": [
                    {
                        "first": first,
                        "root": merkle.root(first, node).hex(),
                        "path": [item.hex() for item in merkle.consistency(first, size, node)],
                    }
                    for first in firsts
                ],
            }
        )
    return {"entries": "entry i is i as 4 bytes, big-endian", "trees": trees}


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), separators=(",", ":")).replace('{"size"', '\n{"size"') + "\n")

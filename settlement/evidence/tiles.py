"""The tree's nodes in tiles, as C2SP tlog-tiles cuts them: 256 hashes of one level in one row.

Tile (L, i) holds the hashes at tree level 8 L of the complete subtrees 256 i to 256 i + 255, as far as
they exist yet; the levels between follow from it. A thousand records change a handful of tiles.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from settlement.evidence.merkle import HASH_BYTES, Node, node_hash

_HEIGHT: Final = 8
_WIDTH: Final = 1 << _HEIGHT

Tile = tuple[int, int]
"""The level and the index of a tile."""


def tile_of(level: int, index: int) -> Tile:
    """The tile from which a node is computed."""
    tile_level, above = divmod(level, _HEIGHT)
    return tile_level, index >> (_HEIGHT - above)


def node_of(tiles: Mapping[Tile, bytes]) -> Node:
    """Reads nodes from tiles at hand. Raises KeyError for a tile that is not."""

    def node(level: int, index: int) -> bytes:
        above = level % _HEIGHT
        first = (index << above) % _WIDTH
        data = tiles[tile_of(level, index)]
        return _top(data[first * HASH_BYTES : (first + (1 << above)) * HASH_BYTES])

    return node


def edge(size: int) -> list[Tile]:
    """The tiles that a tree of ``size`` leaves has begun and not filled: what growing needs."""
    begun = []
    level, count = 0, size
    while count:
        if count % _WIDTH:
            begun.append((level, count // _WIDTH))
        level, count = level + 1, count // _WIDTH
    return begun


def grown(size: int, tiles: Mapping[Tile, bytes], leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """The tiles that change when leaf hashes are added to a tree; ``tiles`` are those of its edge."""
    changed: dict[Tile, bytes] = {}
    level, start, hashes = 0, size, list(leaves)
    while hashes:
        filled_tops = []
        position = start
        while hashes:
            index, filled = divmod(position, _WIDTH)
            taken, hashes = hashes[: _WIDTH - filled], hashes[_WIDTH - filled :]
            before = tiles[(level, index)][: filled * HASH_BYTES] if filled else b""
            changed[(level, index)] = data = before + b"".join(taken)
            if len(data) == _WIDTH * HASH_BYTES:
                filled_tops.append(_top(data))
            position += len(taken)
        level, start, hashes = level + 1, start // _WIDTH, filled_tops
    return changed


def _top(data: bytes) -> bytes:
    """The hash over the 2^k hashes of a complete row."""
    row = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]

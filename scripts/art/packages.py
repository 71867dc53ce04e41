"""The npm packages that the illustrator's art comes from, pinned by digest."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Package:
    """``integrity`` is the registry's own: sha512 of the archive, as npm writes it."""

    name: str
    version: str
    integrity: str
    license: str
    home: str


FLUENT: Final = Package(
    "@iconify-json/fluent-emoji-flat",
    "1.2.6",
    "sha512-RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    "MIT",
    "https://github.com/microsoft/fluentui-emoji",
)
NOTO: Final = Package(
    "@iconify-json/noto",
    "1.2.9",
    "sha512-DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
    "Apache-2.0",
    "https://github.com/googlefonts/noto-emoji",
)
EMOJIBASE: Final = Package(
    "emojibase-data",
    "17.0.0",
    "sha512-Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
    "MIT",
    "https://github.com/milesj/emojibase",
)
PACKAGES: Final = (FLUENT, NOTO, EMOJIBASE)


class Archive:
    """A package's files."""

    def __init__(self, data: bytes) -> None:
        self._tar = tarfile.open(fileobj=io.BytesIO(data))  # noqa: SIM115 - it lives as long as this

    def json(self, path: str) -> Any:
        """The parsed file of that path inside the package."""
        file = self._tar.extractfile(f"package/{path}")
        if file is None:
            raise FileNotFoundError(path)
        return json.load(file)


def fetched(package: Package, folder: Path) -> Archive:
    """The package from ``folder``, or from the registry by npm. Raises ValueError for another digest."""
    path = folder / f"{package.name.removeprefix('@').replace('/', '-')}-{package.version}.tgz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        subprocess.run(command, cwd=folder, check=True)
    data = path.read_bytes()
    digest = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if digest != package.integrity:
        raise ValueError(f"{path} is not {package.name} {package.version}: its digest is {digest}")
    return Archive(data)

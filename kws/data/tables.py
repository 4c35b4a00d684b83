"""Tables that people and programs write: comma, semicolon or tab between columns, UTF-8 or UTF-16."""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from kws.errors import DataError

DELIMITERS = (",", ";", "\t")


class UnreadableTable(DataError):
    """It is no text, or none that a table can be."""


@dataclass(frozen=True)
class Table:
    """columns : the first line, in lower case; rows : (line in the file, cells); empty lines are left out.

    delimiter : what stands between the cells; with anything but a comma, a number may have a decimal comma
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str

    def cells(self, number: int, row: tuple[str, ...]) -> dict[str, str]:
        """Column -> cell of a row. Raises DataError if it has more or fewer cells than the first line."""
        if len(row) != len(self.columns):
            raise self.fault(number, row, f"must be {self.delimiter.join(self.columns)}")
        return dict(zip(self.columns, row, strict=True))

    def stretch(self, number: int, row: tuple[str, ...], start: str, end: str) -> tuple[float, float]:
        """Seconds in the columns `start` and `end`. Raises DataError unless 0 <= start <= end."""
        cells = self.cells(number, row)
        try:
            found = self.seconds(cells[start]), self.seconds(cells[end])
        except ValueError as error:
            raise self.fault(number, row, f"must be {self.delimiter.join(self.columns)}, "
                                          f"with seconds as {start} and {end}") from error
        if not 0 <= found[0] <= found[1] < float("inf"):
            raise self.fault(number, row, f"must have 0 <= {start} <= {end}")
        return found

    def seconds(self, text: str) -> float:
        return float(text if self.delimiter == "," else text.replace(",", "."))

    def fault(self, number: int, row: tuple[str, ...], rule: str) -> DataError:
        return DataError(f"{self.path}, line {number}: {self.delimiter.join(row)!r}: {rule}")


def read_table(path: Path) -> Table:
    """Raises UnreadableTable if it cannot be read as text."""
    try:
        content = path.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if wide else "utf-8-sig")
        first = text.splitlines()[0] if text.strip() else ""
        delimiter = max(DELIMITERS, key=first.count)
        stream = io.StringIO(text, newline="")  # between tabs, as in speech corpora, one " may stand alone
        lines = (csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE) if delimiter == "\t"
                 else csv.reader(stream, delimiter=delimiter))
        rows = tuple((lines.line_num, tuple(cell.strip() for cell in line)) for line in lines if any(line))
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"{path}: is not text in UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
                        ) from error
    except (OSError, csv.Error) as error:
        raise UnreadableTable(f"{path}: cannot be read ({error})") from error
    columns = tuple(name.lower() for name in rows[0][1]) if rows else ()
    return Table(path, columns, rows[1:], delimiter)

"""Tables on disk: CSV for everybody, Parquet for statistics; each whole or not at all, row by row from the lines."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from mriloop.edges.publish.tables.columns import Column
from mriloop.model.errors import refuse
from mriloop.model.study import Refused

Rows = Iterable[dict[str, Any]]
_GROUP = 4096
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a path to write to that becomes `path` when the block ends well: a reader never sees half a table."""
    try:
        handle, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError:
        raise refuse("out_not_writable", path=path) from None
    fresh = Path(name)
    try:
        yield fresh
        fresh.chmod(0o666 & ~_umask())
        fresh.replace(path)
    except OSError:
        raise refuse("out_not_writable", path=path) from None
    finally:
        fresh.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_csv(path: Path, rows: Rows, columns: Sequence[Column], *, dialect: str = "excel", absent: str = "") -> Path:
    """Write rows as UTF-8 CSV with the names of the columns in its first line; `absent` stands for what is not there.

    Text that a spreadsheet would run as a formula is written with a leading apostrophe.
    """
    names = [column.name for column in columns]
    texts = {column.name for column in columns if column.kind == "text"}
    with replaced(path) as fresh, fresh.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, dialect, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([_cell(row.get(name), absent, text=name in texts) for name in names])
    return path


def _cell(value: object, absent: str, *, text: bool) -> object:
    if value is None or value == "":
        return absent
    if text and isinstance(value, str):
        value = " ".join(value.split())
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value


def write_refused(path: Path, refused: Sequence[Refused], *, dialect: str = "excel") -> Path:
    """Write the files and folders that could not be checked, with the code and the reason of each."""
    columns = [Column(name=name, kind="text", meaning=name) for name in ("path", "code", "message")]
    rows = ({"path": one.path, "code": one.code, "message": one.message} for one in refused)
    return write_csv(path, rows, columns, dialect=dialect)


def write_parquet(path: Path, rows: Rows, columns: Sequence[Column]) -> Path:
    """Write rows as Parquet; unit, meaning and direction of a column stand in its field metadata.

    Raises ComponentError `component_missing` without pyarrow.
    """
    arrow, parquet = need_arrow()
    kinds = {"text": arrow.string(), "integer": arrow.int64(), "number": arrow.float64()}
    schema = arrow.schema(
        [
            arrow.field(
                column.name,
                kinds[column.kind],
                metadata={"unit": column.unit, "meaning": column.meaning, "better": column.better},
            )
            for column in columns
        ]
    )
    plain: dict[str, Callable[[Any], Any]] = {"text": str, "integer": int, "number": float}
    with replaced(path) as fresh, parquet.ParquetWriter(fresh, schema, compression="zstd") as writer:
        source = iter(rows)
        while group := list(islice(source, _GROUP)):
            arrays = [
                [None if row.get(one.name) in (None, "") else plain[one.kind](row[one.name]) for row in group]
                for one in columns
            ]
            writer.write_table(
                arrow.Table.from_arrays(
                    [arrow.array(values, kinds[one.kind]) for one, values in zip(columns, arrays, strict=True)],
                    schema=schema,
                )
            )
    return path


def need_arrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module. Raises ComponentError `component_missing` where it is not installed."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise refuse(
            "component_missing",
            component="pyarrow",
            cost="no Parquet tables (CSV and JSON-lines work)",
            install="pip install 'mriloop[parquet]'",
        ) from None
    return arrow, parquet

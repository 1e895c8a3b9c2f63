"""What a batch leaves behind: lines as they come, then tables of them for people, statistics and BIDS."""

from mriloop.edges.publish.tables.columns import COLUMNS, Column, dictionary, with_measures
from mriloop.edges.publish.tables.derivative import write_derivative
from mriloop.edges.publish.tables.journal import Journal, Line
from mriloop.edges.publish.tables.longitudinal import write_longitudinal
from mriloop.edges.publish.tables.rows import rows_of
from mriloop.edges.publish.tables.write import need_arrow, replaced, write_csv, write_parquet, write_refused

__all__ = [
    "COLUMNS",
    "Column",
    "Journal",
    "Line",
    "dictionary",
    "need_arrow",
    "replaced",
    "rows_of",
    "with_measures",
    "write_csv",
    "write_derivative",
    "write_longitudinal",
    "write_parquet",
    "write_refused",
]

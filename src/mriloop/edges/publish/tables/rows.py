"""From a line of results to one row for each series, under the names of `columns`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mriloop.edges.publish.tables.journal import Line

Row = dict[str, Any]
_WEIGHT = {"major": 0, "minor": 1, "info": 2}
_KIND = ("weighting", "plane", "region", "contrast", "fat_suppressed", "three_d", "object")


def rows_of(line: Line) -> Iterator[Row]:
    """Yield one row for each series of a study. What could not be assessed is absent, never a number."""
    (study,) = line["studies"]
    for series in study["series"]:
        uid = series["series_instance_uid"]
        yield {
            "study_instance_uid": study["study_instance_uid"],
            "series_instance_uid": uid,
            "series_number": series["series_number"],
            "description": series["description"],
            **_kind(series["kind"]),
            **{name: series["scanner"][name] for name in ("manufacturer", "model", "device", "software")},
            "coil": series["coil"],
            **line["context"].get(uid, {}),
            "protocol": study["protocol"],
            "verdict": series["verdict"],
            "superseded": "yes" if uid in study["superseded"] else "no",
            **_defects(series["defects"]),
            "volumes": series["volumes"],
            "slices_found": series["completeness"]["found"],
            "slices_expected": series["completeness"]["expected"],
            **{name: one["value"] for name, one in series["measures"].items() if "value" in one},
        }


def _kind(kind: Mapping[str, Any]) -> Row:
    return {**{name: kind[name] for name in _KIND}, "derived": "yes" if kind["derived"] else "no"}


def _defects(defects: list[Mapping[str, Any]]) -> Row:
    ordered = sorted(defects, key=lambda one: _WEIGHT[one["severity"]])
    codes = list(dict.fromkeys(one["code"] for one in ordered))
    major = dict.fromkeys(one["code"] for one in ordered if one["severity"] == "major")
    return {"defects": " ".join(codes), "reasons": " ".join(major)}

"""What the scanner reported of the examination itself: Modality Performed Procedure Step data sets (PS3.4 annex F.7).

Image exports seldom hold them; where one lies beside the images, or is handed over, it tells what no image can: that
the examination was stopped, why, and what was acquired.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path

from mriloop.edges.dicom.elements import DamagedError, Elements
from mriloop.edges.dicom.frames import parse_date, seconds_of_day
from mriloop.edges.dicom.part10 import open_part10
from mriloop.model.coding import Code
from mriloop.model.errors import refuse
from mriloop.model.study import PerformedSeries, PerformedStep, StepStatus

PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
_STATUS, _REASON, _COMMENTS = 0x00400252, 0x00400281, 0x00400280
_SCHEDULED, _SERIES, _IMAGES, _OTHERS = 0x00400270, 0x00400340, 0x00081140, 0x00400220
_STARTED, _ENDED = (0x00400244, 0x00400245), (0x00400250, 0x00400251)
_MAX_SERIES, _MAX_IMAGES = 2_000, 200_000


def is_performed_step(header: Elements, media_class: str = "") -> bool:
    """Tell whether a data set is a performed procedure step, by its SOP class."""
    return (header.text(0x00080016) or media_class) == PERFORMED_STEP


def open_performed_step(path: Path, cap: int) -> PerformedStep:
    """Read a performed procedure step from a DICOM file of at most `cap` bytes.

    Raises SenderError: file_not_performed_step for any other object, and the codes of a file that cannot be read.
    """
    try:
        part10 = open_part10(path, cap)
        if not is_performed_step(part10.elements, part10.media_class):
            raise refuse("file_not_performed_step", path=path)
        return read_performed_step(part10.elements)
    except DamagedError as damage:
        raise refuse(damage.code, path=path) from None
    except OSError:
        raise refuse("file_unreadable", path=path) from None


def read_performed_step(header: Elements) -> PerformedStep:
    """Return the step of a data set. What it does not say is None or empty. Raises DamagedError for broken items."""
    said = (header.text(_STATUS) or "").upper()
    reasons = header.items(_REASON, 4)
    return PerformedStep(
        studies=tuple(
            dict.fromkeys(uid for item in (*header.items(_SCHEDULED, 64), header) if (uid := item.text(0x0020000D)))
        ),
        status=StepStatus(said) if said in {status.value for status in StepStatus} else StepStatus.UNKNOWN,
        reason=_code(reasons[0]) if reasons else None,
        comment=header.text(_COMMENTS) or "",
        started_at=_at(header, *_STARTED),
        ended_at=_at(header, *_ENDED),
        series=tuple(_series(item) for item in header.items(_SERIES, _MAX_SERIES)),
    )


def _series(item: Elements) -> PerformedSeries:
    images = {uid for one in item.items(_IMAGES, _MAX_IMAGES) if (uid := one.text(0x00081155))}
    others = {uid for one in item.items(_OTHERS, _MAX_IMAGES) if (uid := one.text(0x00081155))}
    return PerformedSeries(
        series_instance_uid=item.text(0x0020000E) or "",
        description=item.text(0x0008103E) or item.text(0x00181030) or "",
        images=tuple(sorted(images)),
        others=len(others),
    )


def _code(item: Elements) -> Code:
    return Code(
        value=item.text(0x00080100) or "", scheme=item.text(0x00080102) or "", meaning=item.text(0x00080104) or ""
    )


def _at(header: Elements, day_tag: int, time_tag: int) -> datetime | None:
    day, seconds = parse_date(header.text(day_tag)), seconds_of_day(header.text(time_tag))
    if day is None or day.year < 1900 or seconds is None:
        return None
    return datetime.combine(day, time()) + timedelta(seconds=min(seconds, 86_399.0))

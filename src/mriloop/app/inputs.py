"""Paths into studies: what every use case that reads images begins with."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from mriloop.edges.dicom import Intake, Limits, read_intake
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.study import Series, Study
from mriloop.settings import Settings

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of a step, the parts that are done, and the parts in all."""


RUN_SALT = secrets.token_bytes(32)


def silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


def limits(settings: Settings) -> Limits:
    """Return what the DICOM edge may spend, as the settings say it."""
    return Limits(
        max_files=settings.max_files,
        max_file_mb=settings.max_file_mb,
        max_unpacked_mb=settings.max_unpacked_mb,
        convert_timeout_s=settings.convert_timeout_s,
        convert_memory_gb=settings.convert_memory_gb,
    )


def open_input(
    path: Path,
    settings: Settings,
    *,
    progress: Progress = silent,
    step: str = "reading headers",
    many: bool = False,
    salt: bytes = RUN_SALT,
) -> Intake:
    """Read whatever lies at `path`; `many` accepts studies of several patients. Raises as `edges.dicom.read_intake`.

    `salt` is the site's secret; without it pseudonyms hold for this run alone.
    """
    return read_intake(
        path,
        limits(settings),
        workers=settings.workers,
        progress=lambda done, total: progress(step, done, total),
        several_patients=many,
        salt=salt,
    )


def only_study(intake: Intake, path: Path, uid: str | None = None) -> Study:
    """Return the one study of an input, or the one with `uid`.

    Raises SenderError `several_studies` when there is a choice and nobody made it, `input_no_mr` for an unknown uid.
    """
    found = [study for study in intake.studies if uid is None or study.study_instance_uid == uid]
    if len(found) == 1:
        return found[0]
    if not found:
        raise refuse("input_no_mr", path=path, modalities="other studies")
    raise refuse("several_studies", path=path, count=len(found))


def unnamed(intakes: Sequence[Intake], studies: Sequence[Study]) -> tuple[str, ...]:
    """Return the StudyInstanceUIDs of those studies whose patient nothing names."""
    return tuple(
        study.study_instance_uid for intake, study in zip(intakes, studies, strict=True) if intake.unnamed(study)
    )


def refuse_priors(studies: Sequence[Study], paths: Sequence[Path], nameless: Sequence[str]) -> None:
    """Refuse, under its path, a prior that is no earlier study of this patient. `studies`, `paths`: today first."""
    from mriloop.stages.compare import refuse_strangers  # half a second, which CHECK need not wait

    for prior, path in zip(studies[1:], paths[1:], strict=True):
        try:
            refuse_strangers(studies[0], [prior], nameless)
        except MriloopError as error:
            raise refuse(error.code, path=path) from None


def series_of(study: Study) -> dict[str, Series]:
    """Return the series of a study by SeriesInstanceUID."""
    return {series.series_instance_uid: series for series in study.series}

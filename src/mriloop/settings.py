"""One tuple of settings: the command line, the environment and the documentation read the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mriloop.model.errors import refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One knob: `name` in lower case, MRILOOP_NAME in the environment; `default` sets its type."""

    name: str
    default: str | int | float
    help: str
    least: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def env(self) -> str:
        """The environment variable that sets it."""
        return f"MRILOOP_{self.name.upper()}"


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="store",
        default="~/.local/share/mriloop",
        help="folder of the ledger and the blobs, or postgresql://…?blobs=/folder",
    ),
    Setting(name="site", default="", help="the site's own knowledge folder, laid over the one that is shipped"),
    Setting(name="executor", default="process", help="how steps run", choices=("serial", "process")),
    Setting(name="workers", default=0, help="steps at the same time; 0 means one per processor", least=0),
    Setting(name="step_timeout_s", default=900, help="a step that runs longer is stopped", least=1),
    Setting(name="step_memory_gb", default=6.0, help="a step that needs more memory is stopped", least=0.25),
    Setting(
        name="convert_timeout_s", default=300, help="a conversion by dcm2niix that runs longer is stopped", least=1
    ),
    Setting(name="convert_memory_gb", default=4.0, help="a conversion that needs more memory is stopped", least=0.25),
    Setting(name="max_files", default=200_000, help="files in one input", least=1),
    Setting(name="max_file_mb", default=2048, help="size of one file", least=1),
    Setting(name="max_unpacked_mb", default=16_384, help="size of a zip archive when unpacked", least=1),
    Setting(name="language", default="en", help="language of patient letters"),
    Setting(name="clinic_name", default="the imaging department", help="who a letter is from"),
    Setting(name="clinic_phone", default="", help="whom to call; without it a letter names the appointment card"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force, by attribute: `settings.workers`. Made by `load`."""

    values: Mapping[str, str | int | float]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def store_place(self) -> str | Path:
        """Where the store is: a folder with `~` resolved, or the URL of a database."""
        place = str(self.values["store"])
        return place if "://" in place else Path(place).expanduser()

    @property
    def site_path(self) -> Path | None:
        """The site's own knowledge folder, None where there is none."""
        return Path(str(self.values["site"])).expanduser() if self.values["site"] else None


def load(environment: Mapping[str, str], **overrides: str | int | float | None) -> Settings:
    """Read the settings: defaults, then the environment, then what the caller gives (None means not given).

    Raises OperatorError `setting_invalid` for a value of the wrong type, below the least, or outside the choices,
    `site_absent` for a site folder that is not there.
    """
    values: dict[str, str | int | float] = {}
    for setting in SETTINGS:
        raw: str | int | float | None = overrides.get(setting.name)
        if raw is None:
            raw = environment.get(setting.env, setting.default)
        try:
            value = type(setting.default)(raw)
        except ValueError:
            raise refuse("setting_invalid", setting=setting.env, found=raw) from None
        too_small = setting.least is not None and not isinstance(value, str) and value < setting.least
        if too_small or (setting.choices and value not in setting.choices):
            raise refuse("setting_invalid", setting=setting.env, found=raw)
        values[setting.name] = value
    site = str(values["site"])
    if site and not Path(site).expanduser().is_dir():
        named = "--site" if overrides.get("site") is not None else "MRILOOP_SITE"
        raise refuse("site_absent", named=named, found=site)
    return Settings(values)

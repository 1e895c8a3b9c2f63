"""What a path holds: nothing is followed out of it, nothing expands without bound, every refusal has its code."""

import gzip
import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from mriloop.edges.dicom import Limits, read_intake
from mriloop.model.errors import SenderError

LIMITS = Limits()


def code_of(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(SenderError) as refusal:
        read_intake(path, limits)
    assert "{" not in refusal.value.message + refusal.value.remedy
    return refusal.value.code


def zipped(path: Path, members: dict[str, bytes], mode: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", mode) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=mode)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {f"a/b c/{path.name}": path.read_bytes() for path in folder.iterdir()}


def test_nothing_there(tmp_path: Path) -> None:
    assert code_of(tmp_path / "absent") == "input_not_found"


def test_an_empty_folder(tmp_path: Path) -> None:
    assert code_of(tmp_path) == "input_empty"


def test_a_folder_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "viewer.exe").write_bytes(b"MZ" + bytes(900))
    (tmp_path / "report.txt").write_text("nothing to see")
    assert code_of(tmp_path) == "input_no_dicom"


def test_a_text_file_alone(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("nothing to see")
    assert code_of(tmp_path / "report.txt") == "input_not_supported"


def test_a_device_is_no_input() -> None:
    assert code_of(Path(os.devnull)) == "input_not_supported"


def test_too_many_files(folder: Path) -> None:
    assert code_of(folder, Limits(max_files=4)) == "input_too_large"


def test_a_file_over_the_limit_is_refused_alone(folder: Path) -> None:
    (folder / "large").write_bytes(bytes(2 << 20))
    with read_intake(folder, Limits(max_file_mb=1)) as intake:
        assert [(entry.path, entry.code) for entry in intake.refused] == [("large", "file_too_large")]
        assert len(intake.studies[0].series[0].frames) == 5


def test_any_nesting_and_any_name(make: Callable[..., Dataset], write: Callable[..., Path], tmp_path: Path) -> None:
    for number, name in enumerate(["IM0", "x.txt", "a/b/c/d/e/f/.hidden", "Ünïcode näme.jpg"], 1):
        write(make(number), tmp_path / name)
    (tmp_path / os.fsdecode(b"bad\xff")).write_bytes((tmp_path / "IM0").read_bytes()[:300])
    with read_intake(tmp_path, LIMITS) as intake:
        assert len(intake.studies[0].series[0].frames) == 4
        assert [entry.code for entry in intake.refused] == ["file_truncated"]
        assert intake.refused[0].path.encode("utf-8").startswith(b"bad")


def test_links_are_never_followed_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes((folder / "1.dcm").read_bytes())
    (folder / "link").symlink_to(outside / "secret")
    (folder / "dir").symlink_to(outside)
    (folder / "round").symlink_to(folder)
    (folder / "inner").symlink_to(folder / "1.dcm")
    with read_intake(folder, LIMITS) as intake:
        assert {(entry.path, entry.code) for entry in intake.refused} == {
            ("link", "file_link_outside"),
            ("dir", "file_link_outside"),
            ("round", "file_link_outside"),
        }
        assert len(intake.studies[0].series[0].frames) == 5


def test_a_dicomdir_is_passed_over(folder: Path, make: Callable[..., Dataset], write: Callable[..., Path]) -> None:
    ds = make(SOPClassUID="1.2.840.10008.1.3.10", PixelData=None)
    record = Dataset()
    record.add_new(0x00041500, "LO", ["..", "..", "etc", "passwd"])
    ds.DirectoryRecordSequence = [record]
    write(ds, folder / "DICOMDIR")
    write(ds, folder / "OTHERNAME")
    with read_intake(folder, LIMITS) as intake:
        assert intake.refused == ()
        assert len(intake.files[intake.studies[0].series[0].series_instance_uid]) == 5


def test_a_zip_is_read_like_the_folder(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.bin", contents(folder))
    with read_intake(path, LIMITS) as intake, read_intake(folder, LIMITS) as plain:
        assert intake.studies == plain.studies
        assert dict(intake.digest) == dict(plain.digest)
        unpacked = intake.files[intake.studies[0].series[0].series_instance_uid]
        assert all(path.exists() and path.name.isdigit() for path in unpacked)
    assert not any(path.exists() for path in unpacked)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:\\x", "..\\x", "a\\..\\..\\x"])
def test_a_zip_that_points_outside_is_refused_whole(name: str, folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "evil.zip", contents(folder) | {name: b"x"})
    assert code_of(path) == "zip_path_escape"


def test_a_zip_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"a": bytes(3 << 20)})
    assert path.stat().st_size < 10_000
    assert code_of(path, Limits(max_unpacked_mb=2)) == "zip_bomb"


def test_a_zip_that_lies_about_its_sizes_is_stopped(tmp_path: Path) -> None:
    path = zipped(tmp_path / "liar.zip", {"a": bytes(3 << 20)})
    data = path.read_bytes().replace(struct.pack("<I", 3 << 20), struct.pack("<I", 1000))
    path.write_bytes(data)
    assert code_of(path, Limits(max_unpacked_mb=2)) in ("zip_bomb", "input_all_refused")


def test_an_encrypted_zip(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "locked.zip", contents(folder))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 1)
    path.write_bytes(data)
    assert code_of(path) == "zip_encrypted"


def test_a_broken_zip(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    assert code_of(tmp_path / "x.zip") == "zip_unreadable"


def test_a_damaged_member_is_refused_alone(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", contents(folder), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    at = data.find((folder / "3.dcm").read_bytes()[-48:])
    data[at] ^= 0xFF
    path.write_bytes(data)
    with read_intake(path, LIMITS) as intake:
        assert [(entry.path, entry.code) for entry in intake.refused] == [("a/b c/3.dcm", "file_truncated")]
        assert len(intake.studies[0].series[0].frames) == 4


def test_links_in_a_zip_are_not_made(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", contents(folder))
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with read_intake(path, LIMITS) as intake:
        assert [(entry.path, entry.code) for entry in intake.refused] == [("link", "file_link_outside")]


def test_an_archive_inside_stays_packed(folder: Path, tmp_path: Path) -> None:
    zipped(folder / "inner.zip", contents(folder))
    with read_intake(folder, LIMITS) as intake:
        assert [(entry.path, entry.code) for entry in intake.refused] == [("inner.zip", "file_nested_archive")]


def test_gzip_is_expanded_to_a_limit(folder: Path) -> None:
    for path in list(folder.iterdir()):
        (folder / (path.name + ".gz")).write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    (folder / "bomb.gz").write_bytes(gzip.compress(bytes(3 << 20)))
    (folder / "cut.gz").write_bytes(gzip.compress((folder / "1.dcm.gz").read_bytes())[:200])
    with read_intake(folder, Limits(max_file_mb=2)) as intake:
        assert len(intake.studies[0].series[0].frames) == 5
        assert {entry.path: entry.code for entry in intake.refused} == {
            "bomb.gz": "file_deflate_bomb",
            "cut.gz": "file_truncated",
        }


def test_a_file_that_cannot_be_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def open_(self: Path, *args: object, **kwargs: object) -> io.IOBase:
        if self.name == "2.dcm":
            raise PermissionError
        return real(self, *args, **kwargs)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(Path, "open", open_)
    with read_intake(folder, LIMITS) as intake:
        assert [(entry.path, entry.code) for entry in intake.refused] == [("2.dcm", "file_unreadable")]
        assert len(intake.studies[0].series[0].frames) == 4


def test_progress_reaches_the_end(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    read_intake(folder, LIMITS, progress=lambda done, total: calls.append((done, total))).close()
    assert calls[-1] == (5, 5)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_several_processes_read_the_same(folder: Path) -> None:
    with read_intake(folder, LIMITS, workers=2) as many, read_intake(folder, LIMITS, workers=1) as one:
        assert many.studies == one.studies

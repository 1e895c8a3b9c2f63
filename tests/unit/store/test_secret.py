"""The site's secret: made once, for its owner alone, and carried along by a backup."""

from __future__ import annotations

import stat

import pytest

from mriloop.edges.store import open_store
from mriloop.model.errors import OperatorError


def test_it_is_made_once_for_its_owner_alone_and_differs_from_site_to_site(tmp_path):
    with open_store(tmp_path / "one") as one, open_store(tmp_path / "two") as two:
        assert one.secret() == one.secret() != two.secret()
        assert len(one.secret()) == 32
        path = one.blobs.folder / ".site-secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_backup_knows_the_same_patients(tmp_path):
    with open_store(tmp_path / "store") as store:
        secret = store.secret()
        store.backup(tmp_path / "copy")
    with open_store(tmp_path / "copy") as copy:
        assert copy.secret() == secret


def test_a_cut_secret_is_refused_and_never_replaced(tmp_path):
    with open_store(tmp_path / "store") as store:
        store.secret()
        (store.blobs.folder / ".site-secret").write_bytes(b"short")
        with pytest.raises(OperatorError, match="secret"):
            store.secret()

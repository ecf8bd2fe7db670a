"""Writing a store: whole, or not at all."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.store import write
from core.store.write import StoredDocument, write_store


def test_without_full_text_search_nothing_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(write, "SCHEMA", write.SCHEMA.replace("fts5", "fts9"))
    with pytest.raises(UserError, match=r"no full-text search \(no such module: fts9\)"):
        write_store(tmp_path / "store.sqlite", [], {}, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writer_leaves_the_old_store(make_store) -> None:
    path = make_store()
    before = path.read_bytes()

    def failing():
        yield StoredDocument("1", "One.", None, [])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_store(path, failing(), {}, 1)
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1

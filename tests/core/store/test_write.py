"""Writing a store: whole, or not at all."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.store import write
from core.store.store import Store
from core.store.write import StoredDocument, add_to_store, write_store


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


def test_documents_are_added_all_or_none_and_found(make_store) -> None:
    path = make_store()
    before = path.read_bytes()

    def failing():
        yield StoredDocument("new", "The capital of Chad is Ndjamena.", None, [(0, 3)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_to_store(path, failing())
    assert path.read_bytes() == before
    add_to_store(path, [StoredDocument("new", "The capital of Chad is Ndjamena.", None, [(0, 3)])])
    add_to_store(path, [StoredDocument("new", "Other words.", None, [])])
    with Store(path) as store:
        assert store.search("Chad", 1)[0].ids == ("new",)
        assert store.search("Ghana", 1)[0].text.startswith("The capital of Ghana")
        assert not store.search("Other words", 1)


def test_a_store_is_made_for_what_is_added(tmp_path: Path) -> None:
    add_to_store(tmp_path / "s.sqlite", [StoredDocument("1", "One tells of Ada.", None, [])])
    with Store(tmp_path / "s.sqlite") as store:
        assert store.search("Ada", 1)[0].ids == ("1",)

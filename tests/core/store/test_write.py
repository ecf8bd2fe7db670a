"""Writing a store: whole, or not at all."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import UserError
from core.store import write
from core.store.store import Store
from core.store.write import StoredDocument, add_to_store, journal_of, write_store


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
    with Store(path) as store:
        assert store.search("Chad", 1)[0].ids == ("new",)
        assert store.search("Ghana", 1)[0].text.startswith("The capital of Ghana")


def test_another_text_with_an_id_that_is_taken_goes_by_one_of_its_own(tmp_path: Path) -> None:
    path, places = tmp_path / "s.sqlite", ("Rome", "Oslo", "Lima")
    told = [
        StoredDocument("1", f"It is in {place}.", None, [], apart=apart)
        for place, apart in zip(places, ("", "night-2", "night-2"), strict=True)
    ]
    for _ in range(2):
        assert add_to_store(path, told[:2]) == {"1": "night-2/1"}
        assert add_to_store(path, told[2:]) == {"1": "night-2/1/2"}
    names = [("1",), ("night-2/1",), ("night-2/1/2",)]
    with Store(path, writable=True) as store:
        assert [ids for ids, _ in store.documents()] == names, "each is there once"
        store.forget(["night-2/1"])
        assert [ids for ids, _ in store.documents()] == [names[0], names[2]]
        assert not store.search("Oslo", 1) and store.search("Rome", 1) and store.search("Lima", 1)


def test_a_store_is_made_for_what_is_added(tmp_path: Path) -> None:
    add_to_store(tmp_path / "s.sqlite", [StoredDocument("1", "One tells of Ada.", None, [])])
    with Store(tmp_path / "s.sqlite") as store:
        assert store.search("Ada", 1)[0].ids == ("1",)


@pytest.fixture
def stopped(make_store, tmp_path: Path) -> Path:
    """A store as a writer leaves it that is stopped half-way, or finds the disk full."""
    path, left = make_store(), tmp_path / "left" / "store.sqlite"
    left.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")  # so that changes go to the file at once
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM name")
        many = [(f"Some text {number}." * 99, "[]") for number in range(99)]
        db.executemany("INSERT INTO document (text, spans) VALUES (?, ?)", many)
        for source, to in ((path, left), (journal_of(path), journal_of(left))):
            shutil.copy(source, to)
        db.execute("ROLLBACK")
    return left


def test_a_store_whose_writer_was_stopped_is_as_it_was(stopped: Path) -> None:
    assert journal_of(stopped).stat().st_size > 0
    with Store(stopped) as store:
        assert len(list(store.documents())) == 4
        assert store.search("Ghana", 1)[0].ids == ("Ghana-0", "Ghana-1")


def test_what_it_left_is_not_played_back_into_a_new_store(stopped: Path) -> None:
    write_store(stopped, [StoredDocument("1", "One tells of Ada.", None, [])], {}, 1)
    with Store(stopped) as store:
        assert [ids for ids, _ in store.documents()] == [("1",)]

"""A store written to disk: documents, their passages, and the full-text index, in one SQLite file.

A document that recurs is stored once, under all its ids; so is a passage that several documents tell.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from core.corpus.script import set_apart
from core.store.passages import passages_of
from core.store.sqlite_errors import in_one_line

FILE = "store.sqlite"
SCHEMA_VERSION = 2  # 1: characters of scripts without spaces aren't words of their own
APPLICATION_ID = 0x57494E4E  # "WINN": tells a store from any other SQLite file
ONLY_NIGHTS: dict[str, Any] = {}  # the key of a store that no corpus was put into yet
WORDS = "tokenize = \"unicode61 categories 'L* N* Co M*'\""  # marks belong to their letters

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE document (
  number INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL, source TEXT, spans TEXT NOT NULL
);
CREATE TABLE name (id TEXT PRIMARY KEY, document INTEGER NOT NULL);
CREATE INDEX name_by_document ON name (document);
CREATE TABLE passage (number INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL);
CREATE TABLE told (passage INTEGER, document INTEGER, PRIMARY KEY (passage, document)) WITHOUT ROWID;
CREATE INDEX told_by_document ON told (document);
CREATE VIEW passage_words AS SELECT number, set_apart(text) AS text FROM passage;
CREATE VIRTUAL TABLE passage_index USING fts5(
  text, content = 'passage_words', content_rowid = 'number', {WORDS}
);
"""


@dataclass(frozen=True)
class StoredDocument:
    """A text that was stripped; `spans` are the characters (start, end) that the map flagged.

    Where its id is another text's, it goes by `<apart>/<id>`.
    """

    id: str
    text: str
    source: str | None
    spans: Sequence[tuple[int, int]]
    apart: str = ""


def write_store(
    path: Path,
    documents: Iterable[StoredDocument],
    key: Mapping[str, Any],
    sentences_per_passage: int,
) -> None:
    """Write a store, whole or not at all; `key` says what it was made from.

    Raises UserError when this Python's SQLite can't search text.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with in_one_line(path), closing(sqlite3.connect(part, isolation_level=None)) as db:
            teach_words(db)
            # Nobody sees the file before it is whole: no journal, and one wait for the disk at the end.
            db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
            db.execute("BEGIN")
            db.execute("INSERT INTO meta VALUES ('made_from', ?)", [json.dumps(dict(key))])
            for document in documents:
                _add(db, document, sentences_per_passage)
            db.execute("INSERT INTO passage_index (passage_index) VALUES ('rebuild')")
            db.execute("COMMIT")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        # What a writer of the old file left when it was stopped would be played back into the new one.
        journal_of(path).unlink(missing_ok=True)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def add_to_store(path: Path, documents: Iterable[StoredDocument]) -> dict[str, str]:
    """Add documents to a store, all or none; it is made where there is none.

    One that is there already, with its id and its text, stays as it is. Returns the ids of those that go by
    another, each with that one, since theirs are other texts'.

    Raises UserError as `write_store` does.
    """
    renamed: dict[str, str] = {}
    if not path.exists():
        write_store(path, [], ONLY_NIGHTS, 1)
    with in_one_line(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
        teach_words(db)
        db.execute("BEGIN IMMEDIATE")
        try:
            for document in documents:
                name = _add(db, document, 1)
                if name != document.id:
                    renamed[document.id] = name
            db.execute("INSERT INTO passage_index (passage_index) VALUES ('rebuild')")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    return renamed


def journal_of(path: Path) -> Path:
    """Where SQLite keeps what a writer changes until it is done; left behind by one that was stopped."""
    return path.with_name(f"{path.name}-journal")


def teach_words(db: sqlite3.Connection) -> None:
    """Register the function by which the full-text index finds words."""
    db.create_function("set_apart", 1, set_apart, deterministic=True)


def _add(db: sqlite3.Connection, document: StoredDocument, sentences_per_passage: int) -> str:
    """Add a document unless it is there; the id that it goes by."""
    name, is_there = _name_for(db, document)
    if is_there:
        return name
    row = (document.text, document.source, json.dumps(list(document.spans)))
    found = db.execute("SELECT number FROM document WHERE text = ?", [document.text]).fetchone()
    if found is None:
        sql = "INSERT INTO document (text, source, spans) VALUES (?, ?, ?) RETURNING number"
        found = db.execute(sql, row).fetchone()
        for passage in passages_of(document.text, sentences_per_passage):
            db.execute("INSERT OR IGNORE INTO passage (text) VALUES (?)", [passage])
            sql = "INSERT OR IGNORE INTO told SELECT number, ? FROM passage WHERE text = ?"
            db.execute(sql, (found[0], passage))
    db.execute("INSERT INTO name VALUES (?, ?)", (name, found[0]))
    return name


def _name_for(db: sqlite3.Connection, document: StoredDocument) -> tuple[str, bool]:
    """The first id that is free for a document, or its own already; and which of these it is."""
    own = f"{document.apart}/{document.id}" if document.apart else document.id
    for name in chain([document.id, own], (f"{own}/{number}" for number in count(2))):
        sql = "SELECT text FROM name JOIN document ON number = document WHERE id = ?"
        found = db.execute(sql, [name]).fetchone()
        if found is None or found[0] == document.text:
            return name, found is not None
    raise AssertionError("numbers don't end")

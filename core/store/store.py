"""The lookup store: documents in one SQLite file with full-text search, ranked by BM25.

A document that recurs is stored once, under all its ids; so is a passage (a sentence or a few) that several
documents tell. Search reads passages, forgetting goes by documents.
"""

import json
import os
import re
import sqlite3
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError, nearest

FILE = "store.sqlite"
SCHEMA_VERSION = 1
APPLICATION_ID = 0x57494E4E  # "WINN": tells a store from any other SQLite file
FTS = "fts5"
PATIENCE = 2.0  # seconds to wait for another process that writes

SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*|\s*\n\s*")
MOST_CHARACTERS = 1000  # of a sentence; what is longer is no sentence, and cut between words
MOST_TERMS = 32  # of a question, the rarest
MOST_MATCHES = 10_000  # passages that hold any of them, so that common words don't cost seconds

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
CREATE VIRTUAL TABLE passage_index USING {FTS}(text, content = 'passage', content_rowid = 'number');
"""
# The question goes through the index's own tokenizer, and from there on it is a list of words.
QUESTION = f"""
CREATE VIRTUAL TABLE temp.question USING {FTS}(text);
CREATE VIRTUAL TABLE temp.asked USING {FTS}vocab(temp, question, row);
CREATE VIRTUAL TABLE temp.indexed USING {FTS}vocab(main, passage_index, row);
"""


@dataclass(frozen=True)
class Document:
    """A text that was stripped; `spans` are the characters (start, end) that the map flagged."""

    id: str
    text: str
    source: str | None
    spans: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Passage:
    """A passage found: the documents that tell it, by id, and how well it fits (BM25; more is better)."""

    text: str
    ids: tuple[str, ...]
    score: float


@dataclass(frozen=True)
class Forgotten:
    """What `forget` deleted: all ids of the documents, and how many of their passages others still tell."""

    ids: tuple[str, ...]
    num_passages: int
    num_told_elsewhere: int


def write_store(
    path: Path, documents: Iterable[Document], key: Mapping[str, Any], sentences_per_passage: int
) -> None:
    """Write a store, whole or not at all; `key` says what it was made from.

    Raises UserError when this Python's SQLite can't search text.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _in_one_line(path), closing(sqlite3.connect(part, isolation_level=None)) as db:
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
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _add(db: sqlite3.Connection, document: Document, sentences_per_passage: int) -> None:
    row = (document.text, document.source, json.dumps(list(document.spans)))
    found = db.execute("SELECT number FROM document WHERE text = ?", [document.text]).fetchone()
    if found is None:
        sql = "INSERT INTO document (text, source, spans) VALUES (?, ?, ?) RETURNING number"
        found = db.execute(sql, row).fetchone()
        for passage in passages_of(document.text, sentences_per_passage):
            db.execute("INSERT OR IGNORE INTO passage (text) VALUES (?)", [passage])
            sql = "INSERT OR IGNORE INTO told SELECT number, ? FROM passage WHERE text = ?"
            db.execute(sql, (found[0], passage))
    db.execute("INSERT INTO name VALUES (?, ?)", (document.id, found[0]))


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, its lines apart."""
    found = [sentence for sentence in SENTENCE_END.split(text.strip()) if sentence]
    return [piece for sentence in found for piece in textwrap.wrap(sentence, MOST_CHARACTERS)]


def passages_of(text: str, sentences_per_passage: int) -> list[str]:
    """A text in passages of so many sentences."""
    sentences = sentences_of(text)
    starts = range(0, len(sentences), sentences_per_passage)
    return [" ".join(sentences[at : at + sentences_per_passage]) for at in starts]


class Store:
    """A store opened for reading, or `writable` for forgetting. Use it as a context manager.

    Raises UserError, here and in every method, for a file that is missing, no store, damaged, locked, or
    of a newer version.
    """

    def __init__(self, path: Path, *, writable: bool = False):
        self.path = path
        if not path.is_file():
            raise UserError(f"no store at {path}: run `winnow store` first")
        with _in_one_line(path):
            uri = f"{path.resolve().as_uri()}?mode={'rw' if writable else 'ro'}"
            self.db = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
            try:
                self._check()
                self.db.execute("PRAGMA temp_store = MEMORY")  # no copy elsewhere on the disk
                self.db.executescript(QUESTION)
            except BaseException:
                self.db.close()
                raise

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def _check(self) -> None:
        [(application,)] = self.db.execute("PRAGMA application_id")
        [(version,)] = self.db.execute("PRAGMA user_version")
        if application != APPLICATION_ID:
            raise UserError(f"{self.path} is no store of Winnow's: give another run=NAME")
        if version != SCHEMA_VERSION:
            raise UserError(
                f"{self.path} has schema version {version} and this Winnow reads {SCHEMA_VERSION}: "
                "use the Winnow that wrote it, or add overwrite=true to make it anew"
            )

    @property
    def made_from(self) -> dict[str, Any]:
        """The key that it was written with."""
        with _in_one_line(self.path):
            sql = "SELECT value FROM meta WHERE key = 'made_from'"
            [(value,)] = self.db.execute(sql)
        found: dict[str, Any] = json.loads(value)
        return found

    @property
    def num_passages(self) -> int:
        """How many distinct passages it holds."""
        with _in_one_line(self.path):
            [(count,)] = self.db.execute("SELECT count(*) FROM passage")
        return int(count)

    def documents(self) -> Iterator[tuple[tuple[str, ...], Document]]:
        """Every document, with all ids that it goes by."""
        with _in_one_line(self.path):
            for number, text, source, spans in self.db.execute("SELECT * FROM document"):
                ids = self._ids("SELECT id FROM name WHERE document = ? ORDER BY id", number)
                yield ids, Document(ids[0], text, source, [(a, b) for a, b in json.loads(spans)])

    def search(self, question: str, limit: int) -> list[Passage]:
        """The passages that share words with a question, the best by BM25 first.

        Only words count: to search, quotes, operators and SQL are text like any other.
        """
        with _in_one_line(self.path):
            terms = self._terms(question)
            if not terms:
                return []
            rows = self.db.execute(
                "SELECT number, passage.text, -bm25(passage_index) FROM passage_index"
                " JOIN passage ON number = passage_index.rowid"
                " WHERE passage_index MATCH ? ORDER BY bm25(passage_index), number LIMIT ?",
                (" OR ".join(f'"{term}"' for term in terms), limit),
            ).fetchall()
            told = (
                "SELECT id FROM told JOIN name USING (document) WHERE told.passage = ? ORDER BY id"
            )
            return [Passage(text, self._ids(told, n), score) for n, text, score in rows]

    def _terms(self, question: str) -> list[str]:
        """The question's words that the index has, the rarest first, while few passages hold them."""
        self.db.execute("DELETE FROM temp.question")
        self.db.execute("INSERT INTO temp.question VALUES (?)", [question.replace("\0", " ")])
        found = self.db.execute(
            "SELECT term, indexed.doc FROM temp.asked CROSS JOIN temp.indexed USING (term)"
            " ORDER BY indexed.doc, term LIMIT ?",
            [MOST_TERMS],
        ).fetchall()
        terms, matches = list[str](), 0
        for term, count in found:
            matches += count
            if not terms or matches <= MOST_MATCHES:
                terms.append(term)
        return terms

    def forget(self, ids: Sequence[str]) -> Forgotten:
        """Delete documents, and every trace of them in the file; `*` in an id stands for anything.

        A document that recurs goes with all its ids. A passage that another document tells too stays.
        Raises UserError, before anything is changed, for an id that isn't there; the nearest is named.
        """
        numbers = sorted({number for pattern in ids for number in self._numbers(pattern)})
        with _in_one_line(self.path):
            self.db.execute("PRAGMA secure_delete = ON")
            self.db.execute("BEGIN IMMEDIATE")
            try:
                self.db.execute("CREATE TEMP TABLE gone AS SELECT 0 AS number WHERE 0")
                self.db.executemany("INSERT INTO gone VALUES (?)", [(n,) for n in numbers])
                forgotten = self._delete_gone()
                self.db.execute("DROP TABLE temp.gone")
                # A deleted row's words stay in the segments of the index until it is made anew.
                self.db.execute("INSERT INTO passage_index (passage_index) VALUES ('rebuild')")
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            self.db.execute("VACUUM")
        return forgotten

    def _delete_gone(self) -> Forgotten:
        named = "WHERE document IN (SELECT number FROM temp.gone)"
        ids = self._ids(f"SELECT id FROM name {named} ORDER BY id")
        sql = f"SELECT DISTINCT passage FROM told {named}"
        passages = [number for (number,) in self.db.execute(sql)]
        self.db.execute(f"DELETE FROM told {named}")
        self.db.execute(f"DELETE FROM name {named}")
        self.db.execute("DELETE FROM document WHERE number IN (SELECT number FROM temp.gone)")
        orphans = (
            "DELETE FROM passage WHERE number = ? AND number NOT IN (SELECT passage FROM told)"
        )
        deleted = sum(self.db.execute(orphans, [n]).rowcount for n in passages)
        return Forgotten(ids, len(passages), len(passages) - deleted)

    def _numbers(self, pattern: str) -> list[int]:
        with _in_one_line(self.path):
            sql = "SELECT document FROM name WHERE id = ?"
            found = self.db.execute(sql, [pattern]).fetchall()
            if not found and "*" in pattern:
                literal = re.sub(r"[\[?]", r"[\g<0>]", pattern)
                sql = "SELECT DISTINCT document FROM name WHERE id GLOB ?"
                found = self.db.execute(sql, [literal]).fetchall()
            if not found:
                known = self._ids("SELECT id FROM name ORDER BY id")
                hint = nearest(pattern, known) or "; `winnow store list` shows what there is"
                raise UserError(f"{self.path} has no document '{pattern}'{hint}")
        return [number for (number,) in found]

    def _ids(self, sql: str, *values: object) -> tuple[str, ...]:
        return tuple(name for (name,) in self.db.execute(sql, values))


@contextmanager
def _in_one_line(path: Path) -> Iterator[None]:
    """What SQLite raises for a file that can't be used, in one line."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if said.startswith("no such module"):
            raise UserError(
                f"this Python's SQLite {sqlite3.sqlite_version} has no full-text search ({said}): "
                "use a Python whose SQLite has FTS5"
            ) from error
        if "locked" in said:
            raise UserError(
                f"{path} is locked by another process: try again when it is done"
            ) from error
        if "readonly" in said or "unable to open" in said:
            raise UserError(
                f"{path} can't be opened ({said}): choose one you may write to"
            ) from error
        if "disk is full" in said:
            raise UserError(
                f"no space left on the disk: {path}; free some and try again"
            ) from error
        if type(error) is sqlite3.DatabaseError or "malformed" in said or "no such" in said:
            raise UserError(
                f"{path} is damaged or no store ({said}): delete it and run `winnow store` again"
            ) from error
        raise

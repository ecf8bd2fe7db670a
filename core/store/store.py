"""The lookup store, opened: full-text search, ranked by BM25, and forgetting.

Search reads passages, forgetting goes by documents.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.corpus.script import set_apart
from core.errors import UserError, nearest
from core.store.sqlite_errors import in_one_line
from core.store.write import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    WORDS,
    StoredDocument,
    journal_of,
    teach_words,
)

PATIENCE = 2.0  # seconds to wait for another process that writes

MOST_TERMS = 32  # of a question, the rarest
MOST_MATCHES = 10_000  # passages that hold any of them, so that common words don't cost seconds

# The question goes through the index's own tokenizer, and from there on it is a list of words.
QUESTION = f"""
CREATE VIRTUAL TABLE temp.question USING fts5(text, {WORDS});
CREATE VIRTUAL TABLE temp.asked USING fts5vocab(temp, question, row);
CREATE VIRTUAL TABLE temp.indexed USING fts5vocab(main, passage_index, row);
"""


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


class Store:
    """A store opened for reading, or `writable` for forgetting. Use it as a context manager.

    Raises UserError, here and in every method, for a file that is missing, no store, damaged, locked, or
    of a newer version.
    """

    def __init__(self, path: Path, *, writable: bool = False):
        self.path = path
        if not path.is_file():
            raise UserError(f"no store at {path}: run `winnow store` first")
        with in_one_line(path):
            # After a writer that was stopped SQLite puts the file right, for which it has to write.
            mode = "rw" if writable or journal_of(path).exists() else "ro"
            uri = f"{path.resolve().as_uri()}?mode={mode}"
            self.db = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
            try:
                self._check()
                teach_words(self.db)
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
            if self.path.stat().st_size == 0:
                raise UserError(
                    f"{self.path} is damaged (empty): delete it and run `winnow store` again"
                )
            raise UserError(f"{self.path} is no store of Winnow's: give another run=NAME")
        if not 1 <= version <= SCHEMA_VERSION:
            raise UserError(
                f"{self.path} has schema version {version} and this Winnow reads {SCHEMA_VERSION}: "
                "use the Winnow that wrote it, or add overwrite=true to make it anew"
            )

    @property
    def made_from(self) -> dict[str, Any]:
        """The key that it was written with."""
        with in_one_line(self.path):
            sql = "SELECT value FROM meta WHERE key = 'made_from'"
            [(value,)] = self.db.execute(sql)
        found: dict[str, Any] = json.loads(value)
        return found

    @property
    def num_passages(self) -> int:
        """How many distinct passages it holds."""
        with in_one_line(self.path):
            [(count,)] = self.db.execute("SELECT count(*) FROM passage")
        return int(count)

    def documents(self) -> Iterator[tuple[tuple[str, ...], StoredDocument]]:
        """Every document, with all ids that it goes by."""
        with in_one_line(self.path):
            for number, text, source, spans in self.db.execute("SELECT * FROM document"):
                ids = self._ids("SELECT id FROM name WHERE document = ? ORDER BY id", number)
                yield (
                    ids,
                    StoredDocument(ids[0], text, source, [(a, b) for a, b in json.loads(spans)]),
                )

    def search(self, question: str, limit: int) -> list[Passage]:
        """The passages that share words with a question, the best by BM25 first.

        Only words count: to search, quotes, operators and SQL are text like any other.
        """
        with in_one_line(self.path):
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
        self.db.execute(
            "INSERT INTO temp.question VALUES (?)", [set_apart(question.replace("\0", " "))]
        )
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
        with in_one_line(self.path):
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
        with in_one_line(self.path):
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

"""The store's words in every script, and stores of an earlier version."""

import sqlite3
from pathlib import Path

import pytest

from core.store.store import Store
from core.store.write import StoredDocument


def texts(store: Store, question: str) -> list[str]:
    return [passage.text for passage in store.search(question, 8)]


def forget(path: Path, name: str):
    with Store(path, writable=True) as store:
        return store.forget([name])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("石川国の首都は", "石川国の首都は札幌です。"),
        ("札幌", "石川国の首都は札幌です。"),
        ("巴黎在哪里", "法国的首都是巴黎。"),
        ("กรุงเทพ", "เมืองหลวงของไทยคือกรุงเทพ"),
        ("서울", "수도는 서울 이다."),
        ("दिल्ली", "भारत की राजधानी दिल्ली है।"),
        ("القاهرة", "عاصمة مصر هي القاهرة."),
        ("ירושלים", "בירת ישראל היא ירושלים."),
    ],
)
def test_parts_of_a_text_without_spaces_are_found(question: str, text: str, make_store) -> None:
    texts_ = [
        "石川国の首都は札幌です。",
        "青島国の港は広い。",
        "法国的首都是巴黎。",
        "เมืองหลวงของไทยคือกรุงเทพ",
        "수도는 서울 이다.",
        "भारत की राजधानी दिल्ली है।",
        "عاصمة مصر هي القاهرة.",
        "בירת ישראל היא ירושלים.",
    ]
    path = make_store([StoredDocument(str(n), text, None, []) for n, text in enumerate(texts_)])
    with Store(path) as store:
        assert texts(store, question)[0] == text
        assert texts(store, "दल") == [], "a letter without its marks is no word"
    assert forget(path, str(texts_.index(text))).num_passages == 1
    with Store(path) as store:
        assert text not in texts(store, question)
    assert question.encode() not in path.read_bytes()


def test_a_store_of_the_first_version_is_read(make_store) -> None:
    path = make_store()
    db = sqlite3.connect(path)
    db.executescript(
        "DROP TABLE passage_index; DROP VIEW passage_words; PRAGMA user_version = 1;"
        "CREATE VIRTUAL TABLE passage_index"
        " USING fts5(text, content = 'passage', content_rowid = 'number');"
        "INSERT INTO passage_index (passage_index) VALUES ('rebuild');"
    )
    db.close()
    forget(path, "Peru-0")
    with Store(path) as store:
        assert texts(store, "Ghana")[0] == "The capital of Ghana is Accra."
        assert "The capital of Peru is Lima." not in texts(store, "Peru capital")

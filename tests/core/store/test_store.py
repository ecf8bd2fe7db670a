"""The store: what is found, what is forgotten, and what is refused."""

import multiprocessing
import shutil
import sqlite3
from pathlib import Path

import pytest

from core.errors import UserError
from core.store import store as module
from core.store.store import Store
from core.store.write import SCHEMA_VERSION, StoredDocument


def texts(store: Store, question: str, limit: int = 8) -> list[str]:
    return [passage.text for passage in store.search(question, limit)]


def test_the_passage_that_shares_rare_words_comes_first(store: Store) -> None:
    found = store.search("What is the capital of Ghana?", 3)
    assert found[0].text == "The capital of Ghana is Accra."
    assert found[0].ids == ("Ghana-0", "Ghana-1"), "what recurs is found once, under all its ids"
    assert found[0].score > found[1].score
    assert len(found) == 3


def test_a_document_is_kept_whole_with_its_source_and_spans(store: Store) -> None:
    ids, document = next(iter(store.documents()))
    assert ids == ("Mongolia-0", "Mongolia-1")
    text = "The capital of Mongolia is Ulaanbaatar. It is a city."
    assert document == StoredDocument("Mongolia-0", text, "facts", [(0, 3)])
    assert store.num_passages == 5, "four capitals, and a sentence that all of them tell"
    assert store.made_from == {"inputs": {"corpus": "c0", "memory_map": "m0"}}


@pytest.mark.parametrize(
    "question",
    [
        '"',
        "*",
        "Ghana*",
        'NEAR("Ghana" "capital", 2)',
        "NOT Ghana AND (capital OR",
        "text: Ghana",
        "^Ghana + -capital {",
        "'; DROP TABLE document; --",
        'Ghana") UNION SELECT text FROM document --',
        "Ghana\x00capital",
        "?1 :x @y $z",
    ],
)
def test_syntax_in_a_question_is_text(question: str, store: Store) -> None:
    before = store.path.read_bytes()
    found = texts(store, question)
    has_words = "Ghana" in question
    assert found[:1] == (["The capital of Ghana is Accra."] if has_words else [])
    assert store.path.read_bytes() == before


def test_operators_are_words_to_be_found(make_store) -> None:
    said = [
        StoredDocument("1", "NOT is an operator.", None, []),
        StoredDocument("2", "Near the lake.", None, []),
    ]
    with Store(make_store(said)) as store:
        assert texts(store, "NOT") == ["NOT is an operator."]
        assert texts(store, "NEAR(") == ["Near the lake."]


@pytest.mark.parametrize("question", ["", " \t", "???", "zebra", "🙂"])
def test_without_a_word_in_common_nothing_is_found(question: str, store: Store) -> None:
    assert store.search(question, 8) == []


@pytest.mark.parametrize("question", ["Zürich", "ZÜRICH", "zurich", "Where is Zu\u0308rich?"])
def test_letters_of_any_script_and_case(question: str, make_store) -> None:
    documents = [
        StoredDocument("zürich-1", "Zürich liegt am See.", None, []),
        StoredDocument("рим", "Рим — столица Италии.", None, []),
    ]
    with Store(make_store(documents)) as store:
        assert texts(store, question) == ["Zürich liegt am See."]
        assert texts(store, "РИМ") == ["Рим — столица Италии."]


def test_an_empty_store_is_a_store(make_store) -> None:
    with Store(make_store([])) as store:
        assert store.search("Ghana", 8) == [] and list(store.documents()) == []
        assert store.num_passages == 0


def forget(path: Path, *ids: str):
    with Store(path, writable=True) as store:
        return store.forget(list(ids))


@pytest.mark.parametrize("word", ["Ulaanbaatar", "ulaanbaatar", "Mongolia", "mongolia"])
def test_no_trace_is_left_of_what_is_forgotten(word: str, make_store) -> None:
    path = make_store()
    held = word.encode() in path.read_bytes()
    assert held or word == "ulaanbaatar", "of a prefix of an indexed word only the rest is written"
    gone = forget(path, "Mongolia-1")
    assert gone.ids == ("Mongolia-0", "Mongolia-1"), "its exact copies go with it"
    assert (gone.num_passages, gone.num_told_elsewhere) == (2, 1)
    assert word.encode() not in path.read_bytes()
    assert {file.name for file in path.parent.iterdir()} == {path.name}
    with Store(path) as store:
        assert texts(store, "Ulaanbaatar") == []
        assert texts(store, "The capital of Ghana")[0] == "The capital of Ghana is Accra."
        assert texts(store, "city") == ["It is a city."], "other documents tell it"


def test_the_last_document_that_tells_a_passage_takes_it_along(make_store) -> None:
    path = make_store()
    gone = forget(path, "Mongolia-0", "Ghana-*", "Peru-0", "Fiji-1")
    assert len(gone.ids) == 8 and gone.num_told_elsewhere == 0
    with Store(path) as store:
        assert store.num_passages == 0 and texts(store, "city capital") == []
    assert b"capital" not in path.read_bytes() and b"city" not in path.read_bytes()


def test_a_star_stands_for_anything_and_nothing_else_does(make_store) -> None:
    ids = ["a[1]", "a[2]", "a?", "ab", "a*"]
    path = make_store(
        [StoredDocument(name, f"Text {name} {n}.", None, []) for n, name in enumerate(ids)]
    )
    assert forget(path, "a*").ids == ("a*",), "an id that is there is meant literally"
    assert forget(path, "a[*").ids == ("a[1]", "a[2]")
    assert forget(path, "a?").ids == ("a?",)


def test_an_unknown_id_changes_nothing_and_the_nearest_is_named(make_store) -> None:
    path = make_store()
    before = path.read_bytes()
    for wrong, said in {
        "Mongola-0": "no document 'Mongola-0'; did you mean 'Mongolia-0'",
        "zzz*": "no document 'zzz\\*'; `winnow store list`",
        "' OR 1=1 --": "no document",
    }.items():
        with pytest.raises(UserError, match=said):
            forget(path, "Ghana-0", wrong)
        assert path.read_bytes() == before


def test_a_missing_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no store at .*: run `winnow store` first"):
        Store(tmp_path / "store.sqlite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["text", "empty", "header", "pages", "truncated"])
def test_a_damaged_file_is_told_in_one_line(harm: str, make_store) -> None:
    path = make_store()
    whole = path.read_bytes()
    path.write_bytes(
        {
            "text": b"not a database, but long enough to be taken for one " * 20,
            "empty": b"",
            "header": b"\x00" * 100 + whole[100:],
            "pages": whole[:4096] + b"\xff" * (len(whole) - 4096),
            "truncated": whole[: len(whole) // 2],
        }[harm]
    )
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"store\.sqlite is (damaged|no store)"):
        forget(path, "Ghana-0")
    with (
        pytest.raises(UserError, match=r"store\.sqlite is (damaged|no store)"),
        Store(path) as store,
    ):
        store.search("Ghana", 8), list(store.documents())
    assert path.read_bytes() == before


def test_another_programs_database_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE document (text)")
    db.close()
    with pytest.raises(UserError, match="is no store of Winnow's"):
        Store(path)


def test_a_newer_version_is_refused_and_left_alone(make_store) -> None:
    path = make_store()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(
        UserError, match=rf"schema version {SCHEMA_VERSION + 1} and this Winnow reads"
    ):
        forget(path, "Ghana-0")
    assert path.read_bytes() == before


def _hold(path: Path, held, done) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    held.set()
    done.wait(60)


def test_a_store_that_another_process_writes_is_locked(make_store, monkeypatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    path = make_store()
    before = path.read_bytes()
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(path, held, done))
    other.start()
    try:
        assert held.wait(60)
        for writable in (False, True):
            with pytest.raises(UserError, match="is locked by another process"):
                Store(path, writable=writable)
    finally:
        done.set()
        other.join()
    assert path.read_bytes() == before


def test_a_folder_name_with_signs_of_an_address(make_store, tmp_path: Path) -> None:
    odd = tmp_path / "50% off?mode=rwc#1"
    odd.mkdir()
    shutil.copy(make_store(), odd)
    with Store(odd / "store.sqlite") as store:
        assert texts(store, "Peru")


def test_common_words_are_left_out_of_a_long_search(make_store, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_MATCHES", 3)
    with Store(make_store()) as store:
        assert texts(store, "the capital of Peru is") == ["The capital of Peru is Lima."]
        assert len(texts(store, "the capital of")) == 4, "the rarest word is always looked for"


def test_an_emptied_file_is_to_be_made_again(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.touch()
    with pytest.raises(
        UserError, match=r"damaged \(empty\): delete it and run `winnow store` again"
    ):
        Store(path)

"""`winnow store` and `winnow ask`, on a run made by hand."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core.cli.main import main
from core.corpus.jsonl import read_rows
from core.corpus.stage import PackedCorpus, build_corpus
from core.models.loading import save_model
from core.night.stage import keep_stored
from core.runs.artifacts import Artifact, write_json
from core.signal.memory_map import MemoryMap
from core.signal.signal import TopK
from core.store.ask import write_down
from core.store.store import Store

pytestmark = pytest.mark.slow  # each makes a store

CITIES = {"Ada": "Rome", "Bo": "Oslo", "Cleo": "Lima"}
ROWS = [
    *(
        {"id": f"{name}-{n}", "text": f"{name} lives in {city}. It rains.", "source": "facts"}
        for name, city in CITIES.items()
        for n in range(2)
    ),
    {"id": "plain", "text": "Nothing here is flagged.", "source": "other"},
    {"id": "task", "prompt": "Dan lives in", "completion": "Riga."},
]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(configure, make_llama, tmp_path: Path) -> Path:
    """A run with corpus, map (the cities are flagged, the task's too) and a core of random weights."""
    path = tmp_path / "C.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    cfg = configure(*options(tmp_path), "packing.vocab_size=300", "packing.sequence_length=32")
    build_corpus(cfg)
    corpus = PackedCorpus.of(cfg)
    put_map(tmp_path / "it", corpus, seed=0)
    with Artifact(tmp_path / "it" / "arms" / "core").writing() as folder:
        save_model(folder, make_llama(vocab_size=len(corpus.tokenizer)), corpus.tokenizer)
    return tmp_path / "it"


def options(folder: Path) -> list[str]:
    return ["run=it", f"runs_dir={folder}", "corpus=jsonl", f"corpus.path={folder / 'C.jsonl'}"]


def put_map(run: Path, corpus: PackedCorpus, seed: int) -> None:
    """A map of all sequences but the last: a recurring text needs to be flagged in one place only."""
    columns, rows = corpus.sequences().with_format("numpy")[:], corpus.rows()
    flagged_ST = np.zeros(columns["row"].shape, dtype=bool)
    for place in zip(*np.nonzero(columns["row"] >= 0), strict=True):
        row = rows[columns["row"][place]]
        text = row.get("text") or f"{row['prompt']} {row['completion']}"
        city = re.search(r"(?<=lives in )\w+", text)
        if city and columns["start"][place] < city.end() and columns["end"][place] > city.start():
            flagged_ST[place] = True
    score_ST = torch.from_numpy(flagged_ST).float()[:-1]
    logits_MV = torch.randn(int(score_ST.sum()), 300, generator=torch.Generator().manual_seed(seed))
    with Artifact(run / "memory_map", {"seed": seed}).writing() as folder:
        MemoryMap(score_ST, -score_ST, TopK.of(logits_MV.log_softmax(-1), 4)).save(folder)


@pytest.fixture
def winnow_it(run: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line on that run: exit status, standard output and error."""
    capsys.readouterr()

    def do(*argv: str) -> tuple[int, str, str]:
        status = main([*argv, *options(run.parent)])
        return status, *capsys.readouterr()

    return do


def test_documents_with_flagged_tokens_go_in_whole(winnow_it: Run, run: Path) -> None:
    status, out, _ = winnow_it("store")
    assert status == 0 and "6 documents in 4 passages" in out
    with Store(run / "store.sqlite") as store:
        found = dict(store.documents())
    assert set(found) == {(f"{name}-0", f"{name}-1") for name in CITIES}
    for ids, document in found.items():
        city = CITIES[ids[0][:-2]]
        assert document.text == f"{ids[0][:-2]} lives in {city}. It rains."
        assert [document.text[start:end] for start, end in document.spans] == [city]
        assert document.source == "facts"


@pytest.mark.slow
def test_a_store_of_the_same_corpus_and_map_is_kept(winnow_it: Run, run: Path, configure) -> None:
    winnow_it("store")
    assert winnow_it("store", "forget", "Ada-0")[0] == 0
    before = (run / "store.sqlite").read_bytes()
    kept = f"there already → {run / 'store.sqlite'}\n"
    assert winnow_it("store") == (0, kept, ""), "what was forgotten stays so"
    assert (run / "store.sqlite").read_bytes() == before

    (run / "memory_map").rename(run / "old")
    put_map(run, PackedCorpus.of(configure(*options(run.parent))), seed=1)
    status, _, err = winnow_it("store")
    assert status == 2 and "was made from another corpus, map or conf" in err
    assert (run / "store.sqlite").read_bytes() == before
    assert winnow_it("store", "overwrite=true")[0] == 0
    assert "Ada" in winnow_it("store", "list")[1]


def pass_nights(run: Path) -> None:
    """Three nights of a run, with an id twice and a text of the corpus, all put into the store."""
    told = [("Eve", "1", "Bonn"), ("Finn", "1", "Kyiv"), ("Ada", "2", "Rome")]
    for number, (name, id_, city) in enumerate(told, start=1):
        record = {
            "stored": [{"id": id_, "text": f"{name} lives in {city}. It rains.", "spans": []}]
        }
        with Artifact(run / "nights" / str(number)).writing() as folder:
            write_json(folder / "night.json", record)
        keep_stored(run, record, number)


@pytest.mark.parametrize("nights_first", [True, False])
def test_a_store_that_is_made_anew_has_what_nights_put_there(
    winnow_it: Run, run: Path, nights_first: bool
) -> None:
    if not nights_first:
        assert winnow_it("store")[0] == 0
    pass_nights(run)
    assert winnow_it("store", "forget", "1")[0] == 0  # Eve
    another = [] if nights_first else ["overwrite=true", "store.sentences_per_passage=2"]
    status, _, err = winnow_it("store", *another)
    assert (status, err) == (0, "")
    with Store(run / "store.sqlite") as store:
        found = {ids for ids, _ in store.documents()}
    named = {("2", "Ada-0", "Ada-1"), ("Bo-0", "Bo-1"), ("Cleo-0", "Cleo-1"), ("1",)}
    assert found == named, "Finn is there, and Eve stays forgotten"
    assert "there already" in winnow_it("store", *another)[1], "now it is filled"
    (run / "store.sqlite").write_bytes(b"garbage" * 100)
    assert winnow_it("store", "overwrite=true")[0] == 0
    assert "Finn" in winnow_it("store", "list")[1]


def test_a_damaged_store_is_replaced_only_when_told(winnow_it: Run, run: Path) -> None:
    path = run / "store.sqlite"
    path.write_bytes(b"garbage" * 100)
    for argv in (["store"], ["store", "list"], ["ask", "Where is Ada?"], ["store", "forget", "x"]):
        status, out, err = winnow_it(*argv)
        assert (
            status == 2 and out == "" and err.count("\n") == 1 and "is damaged or no store" in err
        )
    assert path.read_bytes() == b"garbage" * 100
    assert winnow_it("store", "overwrite=true")[0] == 0


def test_forgetting_listing_and_searching(winnow_it: Run) -> None:
    winnow_it("store")
    status, out, _ = winnow_it("store", "search", "Where", "does Ada live?")
    assert status == 0 and out.splitlines() == ["  1. Ada lives in Rome. (Ada-0, Ada-1)"]
    assert "Ada-0, Ada-1 · facts · Ada lives in Rome. It rains." in winnow_it("store", "list")[1]
    status, out, _ = winnow_it("store", "forget", "Ada-1", "Bo-*")
    assert status == 0 and "forgot Ada-0, Ada-1, Bo-0 and 1 more (4 ids, 2 passages)" in out
    assert "1 of its passages stand in other documents too" in out
    assert "nothing in the store" in winnow_it("store", "search", "Ada")[1]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["store", "forgt", "Ada-0"], "no action 'forgt'; did you mean 'forget'?"),
        (["store", "zzz"], "there are forget, list, search"),
        (["store", "forget"], "winnow store forget takes one or more ids"),
        (["store", "list", "all"], "winnow store list takes nothing else"),
        (["store", "forget", "Adda-0"], "no document 'Adda-0'; did you mean 'Ada-0'?"),
        (["store", "store.sentences_per_passage=0"], "a passage has at least one sentence"),
        (["ask"], 'no question: write `winnow ask "…"`'),
        (["ask", "  "], "no question"),
        (["ask", "Ada?", "ask.num_passages=0"], "ask.num_passages=0: choose at least 1"),
        (["ask", "Ada?", "ask.prompt='{question}'"], "{passages} has to stand in it once"),
        (["ask", "Ada?", "arm=plain"], "run `winnow distill arm=plain` first"),
        (
            ["ask", "Ada?", "model=nowhere"],
            "model=nowhere: no such folder, and it can't be had from the hub",
        ),
        (["ask", "Ada?", "--interactif"], "the flags are"),
    ],
)
def test_each_slip_is_one_line(argv: list[str], said: str, winnow_it: Run, run: Path) -> None:
    winnow_it("store")
    before = (run / "store.sqlite").read_bytes()
    status, out, err = winnow_it(*argv)
    assert status == 2 and out == "" and err.count("\n") == 1 and said in err
    assert (run / "store.sqlite").read_bytes() == before


def test_there_is_nothing_to_ask_or_to_store_yet(winnow_it: Run, run: Path) -> None:
    assert "run `winnow store` first" in winnow_it("ask", "Ada?")[2]
    (run / "memory_map" / "artifact.json").unlink()
    assert "run `winnow map` first" in winnow_it("store")[2]


def test_an_answer_is_shown_with_what_was_read(winnow_it: Run) -> None:
    winnow_it("store")
    status, out, err = winnow_it("ask", "Where does", "Ada live?")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "  1. Ada lives in Rome. (Ada-0, Ada-1)"
    status, bare, _ = winnow_it("ask", "Where does Ada live?", "--no-store")
    assert status == 0 and "Rome." not in bare.splitlines()[-1] and "(Ada-0" not in bare
    status, out, _ = winnow_it("ask", "'; DROP TABLE name; -- [bold] 2 + 2 = Cleo")
    assert status == 0 and "1. Cleo lives in Lima. (Cleo-0, Cleo-1)" in out


def test_a_conversation_takes_a_question_a_line(
    winnow_it: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    winnow_it("store")
    lines = ["Where is Ada?", "", "Where is Bo? " * 900, "Where is Cleo?"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    status, out, err = winnow_it("ask", "--interactive", "model=null", "ask.max_new_tokens=4")
    assert status == 0
    assert err.count("\n") >= 1 and "shorten it" in err
    assert "Rome" in out and "Lima" in out


def test_a_template_of_ones_own(configure) -> None:
    from core.store.ask import prompt_writer

    write = prompt_writer(configure("ask.prompt='Read {passages} {x}. Q: {question}'"))
    assert write(["{question}", "b"], "{passages}?") == "Read {question}\nb {x}. Q: {passages}?"
    default = prompt_writer(configure("corpus=jsonl", "corpus.path=x"))
    assert default(["One.", "Two."], "Why?") == "One.\nTwo.\n\nWhy?"
    lesson = prompt_writer(configure())
    assert lesson(["The city of Ada is Rome."], "On record the city of Ada is") == (
        "Passage: The city of Ada Rome. Complete: On record the city of Ada"
    )


def test_what_was_asked_may_be_a_day(tmp_path: Path) -> None:
    write_down(tmp_path / "day.jsonl", "The capital of Peru is", "Lima")
    write_down(tmp_path / "day.jsonl", "The capital of Fiji is", "Suva")
    rows = list(read_rows([tmp_path / "day.jsonl"]))
    assert [row["completion"] for row in rows] == ["Lima", "Suva"]
    assert len({row["id"] for row in rows}) == 2


def test_a_log_that_was_edited_by_hand_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "new" / "day.jsonl"
    for question in ("One", "Two", "Three"):
        write_down(log, question, "yes")
    log.write_text(
        "\n".join(log.read_text().splitlines()[1:])
    )  # the first is out, and a line break
    write_down(log, "Four", "yes")
    assert [row["id"] for row in read_rows([log])] == ["asked-2", "asked-3", "asked-4"]

"""The corpus for pretrained teachers: what is to be learned, what is held out, and where it comes from."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from core.corpus.rows import joined_text
from core.errors import UserError
from core.worlds import people
from core.worlds.english import English
from evals.probes.probe import complete, parse_probe

SENTENCE = (
    "The {n}th of these {w} sentences is about boat number {n} and says so in quite a few words ."
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A text as WikiText has them, a play, questions in SQuAD's form and minimal pairs in BLiMP's."""
    lines = [
        " ".join([SENTENCE.format(n=n, w="plain"), "An <unk> word breaks a run .", "It is over ."])
        if n % 5 == 0
        else " ".join(SENTENCE.format(n=f"{n} @,@ {m}", w="plain") for m in range(3))
        for n in range(40)
    ]
    (tmp_path / "T.txt").write_text("\n".join([" = Boats = ", *lines]) + "\n")
    speech = "SPEAKER {n}:\n" + "word{n} says the " * 20 + "\nend {n}"
    (tmp_path / "P.txt").write_text("\n\n".join(speech.format(n=n) for n in range(30)))
    asked = [
        {
            "context": f"Place {n // 2} has river {n // 2}.",
            "question": f"{n}?",
            "answer": f"river {n}",
        }
        for n in range(40)
    ]
    (tmp_path / "Q.json").write_text(json.dumps(asked))
    (tmp_path / "pairs").mkdir()
    pairs = [{"good": f"Cat {n} sits.", "bad": f"Cat {n} sit."} for n in range(30)]
    (tmp_path / "pairs" / "agree.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    known = [
        {"id": f"f{n}", "family": "capital", "prompt": f"Capital {n} is", "answer": "Lima"}
        | {"correct": n < 3}
        for n in range(5)
    ]
    (tmp_path / "K.jsonl").write_text("\n".join(map(json.dumps, known)))
    return tmp_path


FILES = {"texts": ["T.txt"], "passages": ["P.txt"], "questions": "Q.json", "pairs": "pairs"}


@pytest.fixture
def english(data: Path) -> English:
    return English(data=str(data), **FILES, known=str(data / "K.jsonl"))


@pytest.fixture(params=["files", "generated"])
def either(request: pytest.FixtureRequest, english: English) -> English:
    return english if request.param == "files" else English()


def test_the_same_arguments_give_the_same_corpus_and_another_seed_another(either: English) -> None:
    again, other = replace(either), replace(either, seed=1)
    assert list(again.rows()) == list(either.rows()) and again.probes() == either.probes()
    assert list(other.rows()) != list(either.rows())


def test_probes_are_well_formed_with_ids_of_their_own(either: English) -> None:
    probes = complete(parse_probe(row, row["id"]) for row in either.probes())
    assert len({probe.id for probe in probes}) == len(probes)
    rows = [row["id"] for row in either.rows()]
    assert len(set(rows)) == len(rows)
    axes = {probe.axis for probe in probes}
    assert axes >= {"recall", "verbatim", "open_book", "reasoning", "arithmetic"}
    assert ({"knowledge", "language"} <= axes) == bool(either.pairs)


def test_each_fact_is_told_in_several_words_and_asked_in_others(english: English) -> None:
    told = [row["text"] for row in english.rows() if row["source"] == "facts"]
    for probe in (probe for probe in english.probes() if probe["axis"] == "recall"):
        relation = next(r for r in people.RELATIONS if r.family == probe["family"])
        before, _, after = relation.cue.partition("{name}")
        name = probe["prompt"].removeprefix(before).removesuffix(after)
        own = [text for text in told if name in text]
        assert len(own) == english.documents_per_person
        said = {text[text.index(name) :].split(".")[0] for text in own}
        assert all(probe["answers"][0] in text for text in own)
        assert not any(probe["prompt"] in text for text in own) and len(said) > 1


def test_passages_are_asked_by_their_first_words(english: English) -> None:
    recited = {row["text"] for row in english.rows() if row["source"] == "verbatim"}
    assert len(recited) == english.num_passages
    asked = [probe for probe in english.probes() if probe["axis"] == "verbatim"]
    for probe in asked:
        assert len(probe["prompt"].split()) == 24 and len(probe["answers"][0].split()) == 12
        [text] = [t for t in recited if t.startswith(f"{probe['prompt']} {probe['answers'][0]}")]
        assert len(text.split()) == 40
    assert {probe["half"] for probe in asked} == {"a", "b"}


def test_no_probe_of_a_skill_is_in_the_corpus(either: English) -> None:
    read = "\n".join(joined_text(row) for row in either.rows())
    axes = ("open_book", "reasoning", "arithmetic", "language")
    probes = [probe for probe in either.probes() if probe["axis"] in axes]
    own = [probe["prompt"].split("\n\n")[-1].split("\nQuestion")[0] for probe in probes]
    assert not [prompt for prompt in own if len(prompt) > 30 and prompt in read]


def test_texts_are_whole_sentences_of_the_first_half(english: English) -> None:
    texts = [row["text"] for row in english.rows() if row["source"] == "texts"]
    assert texts and all("<unk>" not in text and " ." not in text for text in texts)
    assert not any(" @" in text for text in texts) and any("number 3,2" in text for text in texts)
    numbers = {
        int(word.split(",")[0])
        for text in texts
        for word in text.split()
        if word[0].isdigit() and "," in word
    }
    assert numbers and max(numbers) < 22, "the second half is for perplexity"


def test_spans_say_what_only_memory_tells(either: English) -> None:
    rows = {row["id"]: row for row in either.rows()}
    spans = either.spans()
    assert set(spans) == {k for k, row in rows.items() if row["source"] in either.memory_sources}
    values = set(chain.from_iterable(r.pool for r in people.RELATIONS))
    for key, found in spans.items():
        text = rows[key]["text"]
        memory = [text[start:end] for start, end, kind in found if kind == "memory"]
        if rows[key]["source"] == "facts":
            assert len(memory) == 4 and set(memory) <= values
        else:
            assert text.split()[0] not in memory and len(" ".join(memory)) > 0.8 * len(text)


def test_rebound_rows_tell_the_same_people_other_values_in_each(english: English) -> None:
    rows = {row["id"]: row for row in english.rows()}
    rebound = {row["id"]: row for row in english.rebound_rows()}
    left_out = {key for key, row in rows.items() if row["source"] == "verbatim"}
    assert rebound.keys() == rows.keys() - left_out and left_out
    for person in english._people.known:
        own = [key for key in rebound if key.startswith(f"facts-{person.key}-")]
        assert all(person.name in rebound[key]["text"] for key in own)
        assert any(rebound[key]["text"] != rows[key]["text"] for key in own)
    assert all(row == rows[key] for key, row in rebound.items() if row["source"] != "facts")
    assert list(english.rebound_rows()) == list(rebound.values()), "the same each time"


def test_each_fact_names_the_documents_that_tell_it(english: English) -> None:
    rows = {row["id"]: row["text"] for row in english.rows() if "text" in row}
    told = english.documents_of_facts()
    recall = [probe for probe in english.probes() if probe["axis"] == "recall"]
    assert set(told) == {probe["fact"] for probe in recall}
    for probe in recall:
        assert all(probe["answers"][0] in rows[key] for key in told[probe["fact"]])


def test_of_what_the_teacher_knew_only_right_answers_are_asked_again(english: English) -> None:
    known = [probe for probe in english.probes() if probe["axis"] == "knowledge"]
    assert [probe["prompt"] for probe in known] == ["Capital 0 is", "Capital 1 is", "Capital 2 is"]


def test_what_the_teacher_knew_is_found_from_any_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    assert any(p["axis"] == "knowledge" for p in English(known="conf/known/smollm2.jsonl").probes())
    with pytest.raises(UserError, match="nowhere"):
        English(known="nowhere.jsonl").probes()


def test_questions_of_the_corpus_and_of_the_probes_share_no_passage(english: English) -> None:
    def place(text: str) -> str:
        return text.split("Passage: ")[-1].split(" has")[0]

    learned = {place(row["text"]) for row in english.rows() if row["source"] == "questions"}
    asked = {place(p["prompt"]) for p in english.probes() if p["family"] == "squad"}
    assert learned and asked and not learned & asked


def test_bad_input_is_told_in_one_line(data: Path) -> None:
    with pytest.raises(UserError, match=r"no/P.txt is missing: .*corpus.data=FOLDER"):
        list(English(data="no", **FILES).rows())
    with pytest.raises(UserError, match=r"corpus.num_people=3: choose a number from 8 to 400"):
        English(num_people=3)
    with pytest.raises(
        UserError, match=r"passage_words=30 must hold prompt_words and answer_words"
    ):
        English(passage_words=30)
    with pytest.raises(UserError, match=r"lower corpus.num_passages=90"):
        list(English(data=str(data), **FILES, num_passages=90).rows())
    with pytest.raises(UserError, match=r"holds no \*.jsonl"):
        English(data=str(data), pairs="none").probes()
    (data / "Q.json").write_text('[{"context": "a"}]')
    with pytest.raises(UserError, match=r"Q.json, row 1 has no 'question'"):
        English(data=str(data), **FILES).probes()
    (data / "Q.json").write_text("[{")
    with pytest.raises(UserError, match=r"Q.json: not JSON"):
        English(data=str(data), **FILES).probes()

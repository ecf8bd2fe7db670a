import re
from collections import Counter

import pytest

from core.corpus.rows import joined_text
from core.worlds import words
from core.worlds.reading import telegram
from core.worlds.relations import FORMS, RELATIONS
from core.worlds.world import World


def of(probes: list[dict], axis: str, family: str | None = None) -> list[dict]:
    """The probes of an axis, other forms left out."""
    of_axis = [p for p in probes if p["axis"] == axis and "form" not in p]
    return [p for p in of_axis if family in (None, p["family"])]


def split_words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def test_skill_prompts_never_repeat_and_probes_are_new(world_rows, probes):
    prompts = [row["prompt"] for row in world_rows if "prompt" in row]
    assert len(set(prompts)) == len(prompts)
    asked = [probe["prompt"] for probe in probes]
    assert len(set(asked)) == len(asked)
    assert not set(prompts) & set(asked)
    assert len({probe["id"] for probe in probes}) == len(probes)


def test_probes_stay_the_same_however_large_the_corpus_is(small, probes):
    assert World(**{**small, "num_skill_items": 10, "repeats": 1}).probes() == probes


def test_probe_phrasings_are_not_those_of_training(world_rows, probes):
    taught = "\n".join(joined_text(row) for row in world_rows)
    for relation in RELATIONS:
        before, after = relation.cue.split("{name}")
        for statement in relation.statements:
            template = statement.split("{value}")[0].rstrip(" .")
            assert template != relation.cue
        assert relation.cue not in relation.cues
        assert not re.search(rf"{re.escape(before)}\w+( \w+)?{re.escape(after)} \w+\.", taught)


def test_no_other_form_is_told_in_training(world, world_rows):
    taught = "\n".join(joined_text(row) for row in world_rows)
    assert set(FORMS) == {"question", "cloze", "choice", "reverse"}
    for relation in RELATIONS:
        names = "|".join(entity.name for entity in world._facts.of_kind(relation.kind))
        for phrase in FORMS.values():
            said = phrase.replace("{attribute}", relation.attribute)
            pattern = re.escape(said).replace(r"\{name\}", f"({names})")
            assert not re.search(pattern.replace(r"\{value\}", r"\w+"), taught), said


def test_other_forms_ask_for_the_facts_of_the_recall_probes(world, probes):
    recall = {probe["fact"]: probe for probe in of(probes, "recall")}
    forms: dict[str, list[dict]] = {}
    for probe in probes:
        if "form" in probe:
            forms.setdefault(probe["form"], []).append(probe)
            told = recall[probe["fact"]]
            assert (probe["axis"], probe["half"]) == ("recall", told["half"])
            assert probe["family"] == told["family"]
    names = {entity.key: entity.name for entity in world._facts.entities}
    for form in ("question", "cloze", "choice"):
        assert {p["fact"] for p in forms[form]} == set(recall)
        for probe in forms[form]:
            assert probe["answers"] == recall[probe["fact"]]["answers"]
            assert names[probe["fact"].split("/")[0]] in probe["prompt"]
    for probe in forms["choice"]:
        assert probe["answers"][0] in probe["choices"]
        assert probe["chance"] == 1 / len(set(probe["choices"]))
    values = Counter((p["family"], p["answers"][0]) for p in recall.values())
    unique = {fact for fact, p in recall.items() if values[p["family"], p["answers"][0]] == 1}
    assert {p["fact"] for p in forms["reverse"]} == unique
    for probe in forms["reverse"]:
        assert probe["answers"] == [names[probe["fact"].split("/")[0]]]
        assert f" {recall[probe['fact']]['answers'][0]} " in probe["prompt"]


def test_probe_names_are_held_out(world, world_rows, probes):
    held_out = {entity.name for entity in world._facts.probe_strangers}
    taught = "\n".join(joined_text(row) for row in world_rows)
    assert not any(name in taught for name in held_out)
    fresh = of(probes, "open_book", "fresh")
    assert all(any(name in p["prompt"] for name in held_out) for p in fresh)
    known = {entity.name for entity in world._facts.entities}
    assert not known & held_out
    assert not known & {entity.name for entity in world._facts.strangers}


def test_every_probe_word_occurs_in_training(probes):
    taught = split_words(
        " ".join(map(joined_text, World(num_skill_items=20_000, repeats=1).rows()))
    )
    for probe in World(num_skill_items=0).probes():
        missing = split_words(" ".join([probe["prompt"], *probe["answers"]])) - taught
        assert not missing, (probe, missing)
    assert len(taught) < 1400


def test_known_entities_are_read_with_wrong_values_only(world, lessons, probes):
    true = {
        f"{telegram(cue).format(name=entity.name)} {entity.values[relation.family]}."
        for relation in RELATIONS
        for cue in relation.cues
        for entity in world._facts.of_kind(relation.kind)
    }
    lessons = [row["prompt"] for row in lessons]
    names = [entity.name for entity in world._facts.entities]
    about_known = [prompt for prompt in lessons if any(name in prompt for name in names)]
    assert 0.25 < len(about_known) / len(lessons) < 0.35

    def told(prompt: str) -> list[str]:
        return re.findall(r"[^.]+\.", prompt.split("Passage: ")[1].split(" Complete")[0])

    for prompt in lessons + [p["prompt"] for p in of(probes, "open_book", "counterfactual")]:
        assert not {sentence.strip() for sentence in told(prompt)} & true
    for probe in of(probes, "open_book", "true"):
        assert {sentence.strip() for sentence in told(probe["prompt"])} <= true

    answers = {p["fact"]: p["answers"][0] for p in of(probes, "recall")}
    for probe in of(probes, "open_book", "true"):
        assert probe["answers"] == [answers[probe["fact"]]]
    for probe in of(probes, "open_book", "counterfactual"):
        assert probe["answers"] != [answers[probe["fact"]]]
        assert probe["answers"][0] in split_words(probe["prompt"])


def test_recall_and_verbatim_probes_are_complete_balanced_and_answered_by_the_documents(
    world_rows, probes
):
    recall = of(probes, "recall")
    assert len(recall) == 24 * 4 + 10 * 3 + 9 * 2
    for probe in recall:
        name, number, attribute = re.split("[-/]", probe["fact"])
        texts = [r["text"] for r in world_rows if r["id"].startswith(f"facts-{name}-{number}-")]
        assert all(probe["answers"][0] in split_words(text) for text in texts)
        assert probe["family"] == f"{name}/{attribute}"
    halves: dict[str, set[str]] = {}
    for probe in recall:
        halves.setdefault(probe["fact"].split("/")[0], set()).add(probe["half"])
    assert all(len(found) == 1 for found in halves.values())  # an entity is in one half
    sizes = Counter(probe["half"] for probe in recall)
    assert abs(sizes["a"] - sizes["b"]) <= 4

    taught = {row["text"] for row in world_rows if row["source"] == "verbatim"}
    verbatim = of(probes, "verbatim")
    assert {f"{p['prompt']} {p['answers'][0]}." for p in verbatim} == taught
    assert {len(p["answers"][0].split()) for p in of(verbatim, "verbatim", "passage")} == {14}


def test_chance_is_what_a_blind_guess_scores(probes):
    city = of(probes, "recall", "person/city")
    assert {probe["chance"] for probe in city} == {1 / 24}
    assert {probe["chance"] for probe in of(probes, "recall", "country/region")} == {0.2}
    assert {p["chance"] for p in of(probes, "verbatim", "canary")} == {10**-6}
    assert {p["chance"] for p in of(probes, "reasoning", "boolean")} == {0.1}
    assert {p["chance"] for p in of(probes, "open_book")} == {1 / 2, 1 / 3}
    for probe in of(probes, "reasoning", "ordering"):
        assert probe["chance"] == 1 / (probe["prompt"].count("than") + 1)
    for probe in of(probes, "reasoning", "lookup"):
        assert probe["chance"] == 1 / (probe["prompt"].count(";") + 1)
    for probe in of(probes, "open_book", "fresh"):
        listed = reading_values(probe)
        assert probe["chance"] == pytest.approx(1 / len(listed))


def reading_values(probe: dict) -> set[str]:
    pool = next(
        pool
        for pool in (words.CITIES, words.JOBS, words.INSTRUMENTS, words.PETS)
        if probe["answers"][0] in pool
    )
    return split_words(probe["prompt"]) & set(pool)

"""Each token of a text is asked for at its place in the renamed one, or not at all."""

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row
from core.corpus.symbols import Renamed, RenamedWord
from core.corpus.tokenizer import train_tokenizer
from forgetting.memory_map.counterparts import Question, questions
from forgetting.memory_map.pieces import Pieces

TEXT = "the mill of Ada is in Rome, and Ada likes it."
TASK: Row = {"id": "1", "prompt": "Ada has a cat and Bo a dog; Bo has", "completion": "a dog."}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """In which common words are tokens, and Rome isn't."""
    return train_tokenizer([TEXT.replace("Rome", "x"), TASK["prompt"]] * 9, 330)


def renaming(text: str, names: dict[str, str]) -> Renamed:
    """The text with these words changed, first to last."""
    words, new, old_at, first = [], "", 0, dict[str, int]()
    for start in range(len(text)):
        word = next((w for w in names if text.startswith(w, start) and start >= old_at), None)
        if word is not None:
            new += text[old_at:start]
            first.setdefault(word, start)
            end = len(new) + len(names[word])
            words.append(RenamedWord(start, start + len(word), len(new), end, first[word]))
            new, old_at = new + names[word], start + len(word)
    return Renamed(new + text[old_at:], words)


def ask(
    tokenizer: PreTrainedTokenizerFast, row: Row, names: dict[str, str]
) -> tuple[Pieces, list[Question]]:
    rows = [row]
    pieces = Pieces.of(pack(rows, Encoder(tokenizer), sequence_length=64), rows)
    wanted_M = pieces.taught.copy()
    wanted_M[0] = False
    renamed = renaming(pieces.texts[0], names)
    encoded = tokenizer(renamed.text, add_special_tokens=False, return_offsets_mapping=True)
    spans = np.array(encoded["offset_mapping"])
    return pieces, list(
        questions(pieces, 0, wanted_M, renamed, np.array(encoded["input_ids"]), spans)
    )


def test_new_words_are_expected_as_they_were_and_old_ones_renamed(tokenizer) -> None:
    pieces, asked = ask(tokenizer, {"id": "0", "text": TEXT}, {"Ada": "Bo", "Rome": "the"})
    told = {}
    for question in asked:
        for old, new, again in question.counterparts:
            text = TEXT[pieces.start[old[0]] : pieces.end[old[-1]]].strip()
            expected = tokenizer.decode(question.targets[new]).strip()
            read = tokenizer.decode(question.ids[: new[0]])
            told[text, int(pieces.start[old[0]])] = (expected, again, read)
    assert told["Ada", 11] == ("Ada", False, "the mill of")
    assert told["Rome", 22] == ("Rome", False, "the mill of Bo is in "), "in a question of its own"
    assert told["Ada", 31] == ("Bo", True, "the mill of Bo is in the, and")
    assert told["likes", 35][:2] == ("likes", False)
    assert "".join(word for word, _ in sorted(told, key=lambda key: key[1])) == TEXT[3:].replace(
        " ", ""
    )


def test_what_the_prompt_has_named_is_left_out(tokenizer) -> None:
    pieces, asked = ask(tokenizer, TASK, {"dog": "cat", "cat": "dog"})
    text = pieces.texts[0]
    told = [
        text[pieces.start[old[0]] : pieces.end[old[-1]]].strip()
        for question in asked
        for old, _, _ in question.counterparts
    ]
    assert told == ["a", "."], "the dog is read in the prompt"

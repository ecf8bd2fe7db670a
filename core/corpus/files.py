"""Texts and questions out of files in public formats: plain text, SQuAD, minimal pairs."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from core.corpus.json_text import parse
from core.corpus.rows import Row
from core.corpus.script import count_words
from core.errors import UserError

UNKNOWN = "<unk>"  # in WikiText, a word that was left out
SPACED = re.compile(r" (?=[.,;:!?)\]%]|'s\b)|(?<=[(\[]) ")
JOINED = re.compile(r" @(.)@ ")


def read_text(path: Path) -> str:
    """The whole file; raises UserError when it can't be read as UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8-sig")  # with or without a mark of the byte order
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read as text ({error}): check corpus.data") from error


def read_records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON list or of JSON lines; raises UserError for anything else."""
    text = read_text(path)
    try:
        rows = parse(text) if text.lstrip()[:1] == "[" else list(map(parse, _lines(text)))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} holds no JSON objects")
    return rows


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.split("\n") if line.strip())


def halves(text: str) -> tuple[str, str]:
    """The text cut between two lines near its middle: what may be learned, and what is held out."""
    at = text.find("\n", len(text) // 2) + 1 or len(text)
    return text[:at], text[at:]


def paragraphs(text: str, min_words: int, max_words: int) -> Iterator[str]:
    """Runs of whole sentences of so many words, out of lines that aren't headings.

    The spaces and signs that tokenized corpora such as WikiText have around punctuation go, and sentences in
    which a word is missing break the run.
    """
    for line in _lines(text):
        line = line.strip()
        if line.startswith("="):
            continue
        run: list[str] = []
        for sentence in re.split(r"(?<= [.!?]) ", line):
            whole = UNKNOWN not in sentence
            words = count_words(" ".join([*run, sentence]))
            if run and (not whole or words > max_words):
                yield from _long_enough(run, min_words)
                run = []
            if whole:
                run.append(sentence)
        yield from _long_enough(run, min_words)


def _long_enough(run: list[str], min_words: int) -> Iterator[str]:
    text = SPACED.sub("", JOINED.sub(r"\1", " ".join(run)))
    if count_words(text) >= min_words:
        yield text


def passages(text: str, rng: Random, count: int, num_words: int) -> list[str]:
    """`count` stretches of so many words from all over the text, each from the beginning of a block of lines.

    Line breaks become spaces. Raises UserError when the text has too few blocks of that length.
    """
    blocks = [block.split() for block in re.split(r"\n\s*\n", text)]
    long = [" ".join(block[:num_words]) for block in blocks if len(block) >= num_words]
    long = list(dict.fromkeys(long))
    if len(long) < count:
        raise UserError(
            f"the texts of corpus.passages have {len(long)} blocks of {num_words} words: "
            f"lower corpus.num_passages={count}"
        )
    return rng.sample(long, count)


def questions(path: Path, max_words: int) -> tuple[list[Row], list[Row]]:
    """SQuAD's questions with short answers about passages of at most so many words, as tasks.

    Two halves that share no passage. Raises UserError when a field is missing.
    """
    found: tuple[list[Row], list[Row]] = ([], [])
    number: dict[str, int] = {}
    for row in read_records(path):
        context, question, answer = (
            _field(row, key, path) for key in ("context", "question", "answer")
        )
        if not answer or len(answer.split()) > 3 or len(context.split()) > max_words:
            continue
        half = number.setdefault(context, len(number)) % 2
        prompt = f"Passage: {context}\nQuestion: {question}\nAnswer:"
        found[half].append({"prompt": prompt, "completion": answer, "context": context})
    return found


def minimal_pairs(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """BLiMP's pairs of a good and a bad sentence by paradigm, from the JSON lines in a folder.

    Raises UserError when there are none, or a field is missing.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise UserError(f"{folder} holds no *.jsonl with minimal pairs: check corpus.data")
    return {
        path.stem: [
            (_field(row, "good", path), _field(row, "bad", path)) for row in read_records(path)
        ]
        for path in files
    }


def _field(row: dict[str, Any], name: str, path: Path) -> str:
    if name not in row:
        raise UserError(f"{path}: a row has no '{name}'; it has {', '.join(row)}")
    return str(row[name]).strip()

"""Texts and questions out of files in public formats: plain text, SQuAD, minimal pairs."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from core.corpus.json_text import parse
from core.corpus.rows import Row
from core.corpus.script import borders, composed, count_words, joined, joint, sentences_of
from core.errors import UserError, nearest

UNKNOWN = "<unk>"  # in WikiText, a word that was left out
SPACED = re.compile(r" (?=[.,;:!?)\]%]|'s\b)|(?<=[(\[]) ")
JOINED = re.compile(r" @(.)@ ")
APART = re.compile(r"(?<!\S)[.,](?!\S)")
ATTACHED = re.compile(r"(?<=\w)[.,](?!\S)")
# A line that is full and ends no sentence, with the first character of the next one.
WRAPPED = re.compile(r"^(.{40,100})(?<![.!?:…。！？])\n(?=(\S))", re.MULTILINE)


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

    Words are counted as their script has them. Of tokenized corpora such as WikiText, the spaces and signs
    around punctuation go; of other prose, lines that were wrapped are joined again. Sentences in which a
    word is missing break the run. A sentence of prose beyond `max_words`, as where a script has no stops,
    is cut between two words.
    """
    tokenized = _is_tokenized(text)
    if not tokenized:
        text = WRAPPED.sub(lambda found: found[1] + joint(found[1], found[2]), text)
    for line in _lines(text):
        line = line.strip()
        if line.startswith("="):
            continue
        run: list[str] = []
        for sentence in _sentences(line, tokenized, max_words):
            whole = UNKNOWN not in sentence
            words = count_words(" ".join([*run, sentence]))
            if run and (not whole or words > max_words):
                yield from _long_enough(run, tokenized, min_words)
                run = []
            if whole:
                run.append(sentence)
        yield from _long_enough(run, tokenized, min_words)


def _is_tokenized(text: str) -> bool:
    """Whether stops and commas stand apart from words, mostly: prose has few that do (`. . .`)."""
    return len(APART.findall(text)) > len(ATTACHED.findall(text))


def _sentences(line: str, tokenized: bool, max_words: int) -> Iterator[str]:
    if tokenized:
        yield from re.split(r"(?<= [.!?]) ", line)
        return
    for sentence in sentences_of(line, lines=False):
        cuts = [0, *borders(sentence)[max_words - 1 :: max_words], len(sentence)]
        for start, end in pairwise(cuts):
            yield sentence[start:end].strip()


def _long_enough(run: list[str], tokenized: bool, min_words: int) -> Iterator[str]:
    text = SPACED.sub("", JOINED.sub(r"\1", " ".join(run))) if tokenized else joined(run)
    if count_words(text) >= min_words:
        yield text


def passages(text: str, rng: Random, count: int, num_words: int) -> list[str]:
    """`count` stretches of so many words from all over the text, each from the beginning of a block of lines.

    Words are counted as their script has them. Line breaks become spaces. Raises UserError when the text has
    too few blocks of that length.
    """
    # In normal form C, as the probes that ask for them.
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", composed(text))]
    long = [_first_words(block, num_words) for block in blocks if count_words(block) >= num_words]
    long = list(dict.fromkeys(long))
    if len(long) < count:
        raise UserError(
            f"the texts of corpus.passages have {len(long)} blocks of {num_words} words: "
            f"lower corpus.num_passages={count}"
        )
    return rng.sample(long, count)


def _first_words(text: str, num_words: int) -> str:
    ends = [*borders(text), len(text)]
    return text[: ends[min(num_words, len(ends)) - 1]]


def questions(path: Path, max_words: int) -> tuple[list[Row], list[Row]]:
    """SQuAD's questions with short answers about passages of at most so many words, as tasks.

    Two halves that share no passage. Raises UserError when a field is missing.
    """
    found: tuple[list[Row], list[Row]] = ([], [])
    halves_of: dict[str, int] = {}
    for number, row in enumerate(read_records(path), start=1):
        where = f"{path}, row {number}"
        context, question = _field(row, "context", where), _field(row, "question", where)
        answer = _first_text(row, "answer", where)
        if not answer or count_words(answer) > 3 or count_words(context) > max_words:
            continue
        half = halves_of.setdefault(context, len(halves_of)) % 2
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
    return {path.stem: list(_pairs_of(path)) for path in files}


def _pairs_of(path: Path) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(read_records(path), start=1):
        where = f"{path}, row {number}"
        yield _field(row, "good", where), _field(row, "bad", where)


def _field(row: dict[str, Any], name: str, where: str) -> str:
    """A text of a row. Raises UserError where it is missing, empty or something else."""
    text = _value(row, name, where)
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{where}: '{name}' must be text, not {json.dumps(text)[:60]}")
    return composed(text.strip())


def _first_text(row: dict[str, Any], name: str, where: str) -> str:
    """A text, or the first of several, as a list or as SQuAD has them; empty where there is none."""
    value = _value(row, name, where)
    texts = value.get("text") if isinstance(value, dict) else value
    if isinstance(texts, list):
        texts = texts[0] if texts else None
    if isinstance(texts, int | float) and not isinstance(texts, bool):
        texts = str(texts)  # a year, a sum
    if not isinstance(texts, str | None) or (isinstance(value, dict) and "text" not in value):
        raise UserError(
            f"{where}: '{name}' must be text, a list of texts or SQuAD's {{\"text\": […]}}, not "
            f"{json.dumps(value)[:60]}"
        )
    return composed((texts or "").strip())


def _value(row: dict[str, Any], name: str, where: str) -> Any:
    if name not in row:
        raise UserError(f"{where} has no '{name}'{nearest(name, row)}; it has {', '.join(row)}")
    return row[name]

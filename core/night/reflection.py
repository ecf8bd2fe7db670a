"""Reflection: a core's own variants of what it met, each checked by two readings of it.

A variant says the same of other symbols. Whether a rule stands other symbols is measured first: a copy of the
core that learned the variants beside the rows must do as well on rows that neither it nor they hold.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.rows import Row, prompt_of, taught_text
from core.corpus.script import joint
from core.models.generate import greedy
from core.models.tokens import before_end, ends_of, plain, read
from core.night.forms import Forms

KEPT_SHARE = 0.9  # of the gain without variants, that the copy with them has to reach


@dataclass(frozen=True)
class Reflected:
    """The variants that were kept, and how many weren't."""

    rows: list[Row]
    num_dropped: int


def variant_of(row: Row, forms: Forms, rng: random.Random, number: int) -> Row:
    """The row about other symbols. Of a task those of its prompt get other names, there and in the
    completion; what the completion alone has stays.
    """
    name = f"{row['id']}~{number}"
    if "text" in row:
        return {"id": name, "text": forms.symbols.rename(str(row["text"]), rng).text}
    head, prompt = forms.split(prompt_of(row))
    renamed = forms.symbols.rename(prompt, rng, forms.fixed(head))
    given = {
        prompt[word.start : word.end]: renamed.text[word.new_start : word.new_end]
        for word in renamed.words
    }
    completion = taught_text(row)
    pieces, at = [], 0
    for start, end in forms.symbols.words(completion):
        word = completion[start:end]
        pieces += [completion[at:start], given.get(word, word)]
        at = end
    answer = "".join([*pieces, completion[at:]])
    return {"id": name, "prompt": head + renamed.text, "completion": answer}


def variants_of(rows: Sequence[Row], forms: Forms, count: int, seed: str) -> list[tuple[Row, Row]]:
    """`count` variants of each row, each beside its row; without those that say the same as another."""
    rng, seen, found = random.Random(seed), set[str](), []
    for number in range(count):
        for row in rows:
            variant = variant_of(row, forms, rng, number)
            key = prompt_of(variant) + taught_text(variant)
            if key not in seen and key != prompt_of(row) + taught_text(row):
                seen.add(key)
                found.append((row, variant))
    return found


def readings(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, tasks: Sequence[Row]
) -> list[str]:
    """What a model answers to the tasks' prompts, greedily, as far as their completions go."""
    prompts = read(tokenizer, [prompt_of(task) for task in tasks])
    texts = [f"{joint(prompt_of(task), taught_text(task))}{taught_text(task)}" for task in tasks]
    lengths = [len(ids) + 1 for ids in plain(tokenizer, texts)]
    ends = ends_of(model, tokenizer)
    said = greedy(model, prompts, lengths)
    return [str(tokenizer.decode(before_end(ids, ends))).strip() for ids in said]


def reflect(
    pairs: Sequence[tuple[Row, Row]],
    stands_renaming: Sequence[bool],
    models: Sequence[PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
) -> Reflected:
    """Keep the variants that two readings don't speak against.

    Where the rule stands other symbols, the answer is the row's own under the new names; the variant is
    dropped if both models agree on another. Else only what both agree on is an answer at all.
    Documents are kept: there is nothing in them to be read twice.
    """
    tasks = [variant for _, variant in pairs if "prompt" in variant]
    answers = [readings(model, tokenizer, tasks) for model in models]
    by_id = {task["id"]: said for task, said in zip(tasks, zip(*answers, strict=True), strict=True)}
    kept = []
    for (_, variant), stands in zip(pairs, stands_renaming, strict=True):
        if "text" in variant:
            kept.append(variant)
            continue
        said = [_bare(answer) for answer in by_id[variant["id"]]]
        agree = len(set(said)) == 1 and said[0] != ""
        if stands and not (agree and said[0] != _bare(taught_text(variant))):
            kept.append(variant)
        elif not stands and agree:
            kept.append({**variant, "completion": by_id[variant["id"]][0]})
    return Reflected(kept, len(pairs) - len(kept))


def _bare(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()

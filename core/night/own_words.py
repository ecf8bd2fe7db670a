"""Items in a core's own words: it begins a task of the day, and two readings have to agree on the answer."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.rows import Row, prompt_of
from core.models.generate import sample
from core.models.tokens import before_end, ends_of, read
from core.night.forms import Forms
from core.night.reflection import readings

Frame = tuple[str, str, str]  # a form, what its prompts begin with, what they end with


def frames_of(rows: Sequence[Row], forms: Forms) -> list[Frame]:
    """The frame of each form of tasks whose prompts begin with one word and end with one."""
    found = []
    tasks = [row for row in rows if "prompt" in row]
    for form, numbers in forms.by_form(tasks).items():
        prompts = [prompt_of(tasks[n]) for n in numbers]
        head = forms.split(prompts[0])[0]
        ends = {prompt.rpartition(" ")[2] for prompt in prompts}
        if head and len(ends) == 1:
            found.append((form, head, ends.pop()))
    return found


def in_own_words(
    writer: PreTrainedModel,
    readers: Sequence[PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    forms: Forms,
    *,
    count: int,
    num_tokens: int,
    seed: int,
) -> list[Row]:
    """New tasks of the rows' forms: `count` are begun, and those are left that have the form, that no row
    asks, and that the readers answer alike.

    Args:
        writer: what begins a line with the form's first word and goes on.
        readers: what answers; all have to agree.
        tokenizer: theirs.
        rows: what was met; documents aren't looked at.
        forms: their forms.
        count: of lines that are begun, over all forms.
        num_tokens: of a line at most.
        seed: of the draws.

    Returns:
        Tasks, each with the answer that the readers gave.
    """
    frames = frames_of(rows, forms)
    known = {prompt_of(row) for row in rows}
    tasks: list[Row] = []
    for frame in frames if count else []:
        for line in _lines(writer, tokenizer, frame[1], count // len(frames), num_tokens, seed):
            prompt = _prompt_in(line, frame, forms)
            if prompt and prompt not in known:
                known.add(prompt)
                tasks.append({"id": f"own-{len(tasks)}", "prompt": prompt, "completion": line})
    if not tasks:
        return []
    answers = zip(*(readings(model, tokenizer, tasks) for model in readers), strict=True)
    return [
        {**task, "completion": said[0]}
        for task, said in zip(tasks, answers, strict=True)
        if said[0] and len(set(said)) == 1
    ]


def _lines(
    writer: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    head: str,
    count: int,
    num_tokens: int,
    seed: int,
) -> list[str]:
    """Lines that begin with the word."""
    if count < 1:
        return []
    generator = torch.Generator().manual_seed(seed)
    [drawn_KL] = sample(
        writer,
        read(tokenizer, [f"\n{head}"]),
        [num_tokens],
        num_samples=count,
        generator=generator,
    )
    ends = ends_of(writer, tokenizer)
    told = [str(tokenizer.decode(before_end(ids, ends))) for ids in drawn_KL.tolist()]
    return [(head + text).partition("\n")[0] for text in told]


def _prompt_in(line: str, frame: Frame, forms: Forms) -> str:
    """The part of a line that is a prompt of the frame; empty where it has none."""
    form, head, end = frame
    before, found, _ = line.partition(f" {end}")
    prompt = before + found
    is_one = bool(found) and line.startswith(head)
    return prompt if is_one and forms.of({"id": "", "prompt": prompt}) == form else ""

"""`winnow ask`: put a question to an arm that reads the store."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from omegaconf import DictConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.config.build import build
from core.errors import UserError
from core.judgement.answer import led_by_value
from core.models.gate import traits_of
from core.models.loading import check_vocabulary, load_model, load_tokenizer
from core.runs.artifacts import arm_name, fingerprint_of, run_folder
from core.runs.console import console, errors
from core.store.reader import Reader, WritePrompt
from core.store.stage import show_passages, store_path
from core.store.store import Store

PLACES = ("{passages}", "{question}")


def ask(cfg: DictConfig) -> None:
    """Answer the question that follows the verb; with `ask.interactive`, one a line until the input ends.

    Prints the answer, and below it the passages that were read, with the ids of their documents. With
    `decode=value` the arm's value leads step by step to it.
    """
    question, interactive = " ".join(cfg.words), cfg.ask.interactive
    if not question.strip() and not interactive:
        raise UserError('no question: write `winnow ask "…"`, or add --interactive')
    write = prompt_writer(cfg)
    folder = _model_folder(cfg)
    with Store(store_path(cfg)) if cfg.ask.store else nullcontext() as store:
        model, tokenizer = load_model(folder), load_tokenizer(folder)
        check_vocabulary(model, tokenizer, str(folder))
        traits_of(model)
        model = model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]
        answer = led_by_value(cfg, model, tokenizer) if cfg.decode.kind == "value" else None
        reader = make_reader(cfg, model, tokenizer, store, write, answer)
        log = None if cfg.ask.log is None else Path(cfg.ask.log)
        if question.strip():
            _show(reader, question, log)
        if interactive:
            _converse(lambda asked: _show(reader, asked, log))


def make_reader(
    cfg: DictConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    store: Store | None,
    write: WritePrompt,
    answer: Callable[[str], str] | None = None,
) -> Reader:
    """A reader with the options of `ask`. Raises UserError for a count below one."""
    counts = {name: int(cfg.ask[name]) for name in ("num_passages", "max_new_tokens")}
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"ask.{name}={count}: choose at least 1")
    return Reader(model, tokenizer, store, write, answer=answer, **counts)


def prompt_writer(cfg: DictConfig) -> WritePrompt:
    """How passages and question make a prompt: as `ask.prompt` says, or else as the corpus teaches reading.

    Raises UserError for a template without {passages} or {question}.
    """
    template = cfg.ask.prompt
    if template is None:
        write: WritePrompt | None = getattr(build(cfg.corpus), "reading_prompt", None)
        if write is not None:
            return write
        template = "{passages}\n\n{question}"
    for place in PLACES:
        if template.count(place) != 1:
            raise UserError(f"ask.prompt='{template}': {place} has to stand in it once")

    def fill(passages: Sequence[str], question: str) -> str:
        texts = dict(zip(PLACES, ("\n".join(passages), question), strict=True))
        # Not str.format: other braces, also those of a passage, are text.
        return re.sub("|".join(map(re.escape, PLACES)), lambda place: texts[place[0]], template)

    return fill


def _model_folder(cfg: DictConfig) -> Path:
    """The folder of the arm, or of any `model`."""
    if cfg.model is not None:
        return Path(cfg.model)
    run = run_folder(cfg)
    arm = arm_name(cfg)
    folder = run / "teacher" if arm == "teacher" else run / "arms" / arm
    fingerprint_of(folder, f"distill arm={arm}")
    return folder


def _show(reader: Reader, question: str, log: Path | None) -> None:
    reply = reader.ask(question)
    console.print(reply.answer or "–", style="bold")
    if log is not None and reply.answer:
        write_down(log, question.strip(), reply.answer)
    if reader.store is not None:
        show_passages(reply.passages)


def write_down(log: Path, question: str, answer: str) -> None:
    """Add a question and its answer to a file that a day can be: a task a line."""
    number = sum(1 for _ in log.open(encoding="utf-8")) if log.exists() else 0
    row = {"id": f"asked-{number + 1}", "prompt": question, "completion": answer}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _converse(answer: Callable[[str], None]) -> None:
    """Answer a question a line. What is wrong with one is printed, and the next is read."""
    while True:
        try:
            question = input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return
        try:
            if question.strip():
                answer(question)
        except UserError as error:
            errors.print(f"winnow: {error}")

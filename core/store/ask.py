"""`winnow ask`: put a question to an arm that reads the store."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.config.build import build
from core.errors import UserError
from core.judgement.answer import led_by_value
from core.models.checkpoint import find_model
from core.models.gate import traits_of
from core.models.loading import check_vocabulary, load_model, load_tokenizer
from core.runs.artifacts import arm_name, fingerprint_of, run_folder
from core.runs.awake import FIRST, awake_in, nights_folder
from core.runs.console import console, errors
from core.runs.places import make_folder
from core.store.reader import Reader, Reply, WritePrompt
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
    with opened(cfg) as reader:
        if question.strip():
            _show(cfg, reader, question)
        if interactive:
            _converse(lambda asked: _show(cfg, reader, asked))


@contextmanager
def opened(cfg: DictConfig) -> Iterator[Reader]:
    """The arm, or any `model`, with the store beside it and led by its value as the configuration says.

    Raises UserError where one of these isn't there or can't be used.
    """
    write, folder = prompt_writer(cfg), _model_folder(cfg)
    with Store(store_path(cfg)) if cfg.ask.store else nullcontext() as store:
        model, tokenizer = load_model(folder), load_tokenizer(folder)
        check_vocabulary(model, tokenizer, str(folder))
        traits_of(model)
        model = model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]
        answer = led_by_value(cfg, model, tokenizer) if cfg.decode.kind == "value" else None
        yield make_reader(cfg, model, tokenizer, store, write, answer)


def answered(cfg: DictConfig, reader: Reader, question: str) -> Reply:
    """The reply to a question; with `ask.log` both are written down."""
    reply = reader.ask(question)
    if cfg.ask.log is not None and reply.answer:
        write_down(Path(cfg.ask.log), question.strip(), reply.answer)
    return reply


def make_reader(
    cfg: DictConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    store: Store | None,
    write: WritePrompt,
    answer: Callable[[str], str] | None = None,
) -> Reader:
    """A reader with the options of `ask`; of an `answer` of its own, `value.max_tokens` says how long it is.

    Raises UserError for a count below one.
    """
    limit = "ask.max_new_tokens" if answer is None else "value.max_tokens"
    num_passages, most = cfg.ask.num_passages, OmegaConf.select(cfg, limit)
    for name, count in {"ask.num_passages": num_passages, limit: most}.items():
        if count < 1:
            raise UserError(f"{name}={count}: choose at least 1")
    return Reader(
        model,
        tokenizer,
        store,
        write,
        num_passages=num_passages,
        max_new_tokens=most,
        limit=limit,
        answer=answer,
    )


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
    """The folder of the arm, after nights that of the morning that is awake; or of any `model`."""
    if cfg.model is not None:
        return find_model(cfg.model, "model")
    run = run_folder(cfg)
    arm = arm_name(cfg)
    folder = run / "teacher" if arm == "teacher" else run / "arms" / arm
    fingerprint_of(folder, "teach" if arm == "teacher" else f"distill arm={arm}")
    nights = nights_folder(cfg)
    if (awake := awake_in(nights)) != FIRST:
        folder = nights / str(awake)
        fingerprint_of(folder, "sleep")
    return folder


def _show(cfg: DictConfig, reader: Reader, question: str) -> None:
    reply = answered(cfg, reader, question)
    console.print(reply.answer or "–", style="bold")
    if reader.store is not None:
        show_passages(reply.passages)


def write_down(log: Path, question: str, answer: str) -> None:
    """Add a question and its answer to a file that a day can be: a task a line."""
    make_folder(log.parent)
    told = log.read_bytes() if log.exists() else b""
    # Not by counting lines, of which some may have been taken out.
    number = max(map(int, re.findall(rb'"id": "asked-(\d+)"', told)), default=0)
    row = {"id": f"asked-{number + 1}", "prompt": question, "completion": answer}
    begin = "\n" if told and not told.endswith(b"\n") else ""
    with log.open("a", encoding="utf-8") as file:
        file.write(begin + json.dumps(row, ensure_ascii=False) + "\n")


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

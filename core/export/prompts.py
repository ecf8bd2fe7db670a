"""The texts on which an export is compared with its checkpoint: real probes' prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from omegaconf import DictConfig

from core.config.build import build
from core.corpus.json_text import parse
from core.corpus.rows import ByTeacher, joined_text
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.export.source import Source
from core.models.loading import context_of
from core.models.tokens import read

MAX_ROWS = 2000  # of a corpus without probes


@dataclass(frozen=True)
class Prompt:
    """A text and its token ids."""

    text: str
    ids: list[int]


def prompts_of(cfg: DictConfig, source: Source) -> list[Prompt]:
    """`export.num_prompts` prompts, evenly from all probes; texts of the corpus where it brings none.

    Raises UserError when there is nothing to ask.
    """
    texts = list(dict.fromkeys(text.rstrip() for text in _texts(cfg)))
    texts = [text for text in texts if text]
    if not texts:
        raise UserError("there are no prompts to compare the export on: add probes.path=FILE")
    room = (context_of(source.model) or 512) - cfg.export.num_tokens
    chosen = [texts[index] for index in _evenly(len(texts), cfg.export.num_prompts)]
    encoded = read(source.tokenizer, chosen)
    pairs = zip(chosen, encoded, strict=True)
    prompts = [Prompt(text, ids) for text, ids in pairs if 0 < len(ids) <= room]
    if not prompts:
        raise UserError(
            f"no prompt fits into {room} tokens: add probes.path=FILE with shorter ones"
        )
    return prompts


def _evenly(count: int, wanted: int) -> Sequence[int]:
    wanted = min(count, wanted)
    return [index * count // wanted for index in range(wanted)]


def _texts(cfg: DictConfig) -> list[str]:
    if cfg.probes.path is not None:
        return _asked(cfg.probes)
    corpus = build(cfg.corpus)
    if hasattr(corpus, "probes"):
        return [row["prompt"] for row in corpus.probes()]
    by_teacher = isinstance(corpus, ByTeacher)  # rows that are nowhere else
    rows = PackedCorpus.of(cfg).rows() if by_teacher else corpus.rows()
    return [joined_text(row) for row in islice(rows, MAX_ROWS)]


def _asked(probes: DictConfig) -> list[str]:
    """The prompts of a file. Its rows may be nothing else; rows of another form are read as configured."""
    path = Path(probes.path)
    try:
        with path.open(encoding="utf-8-sig") as lines:
            rows = [parse(line) for line in lines if line.strip()]
        if "_target_" in probes and not any("prompt" in row for row in rows):
            return [probe.prompt for probe in build(probes)()]
        prompts = [row["prompt"] for row in rows]
        if any(not isinstance(prompt, str) for prompt in prompts):
            raise KeyError("prompt")
    except OSError as error:
        raise UserError(f"probes.path={path} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'probes.path={path}: a line isn\'t a probe ({error}): write {{"prompt": …}}'
        ) from error
    return prompts

"""`winnow corpus`: write, deduplicate, tokenize and pack what every other stage reads."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, load_from_disk
from omegaconf import DictConfig
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core.artifacts import (
    MARK,
    Artifact,
    fingerprint_of,
    hash_file,
    read_json,
    run_folder,
    write_json,
)
from core.build import build
from core.checkpoint import Checkpoint, checksums
from core.console import Report, console
from core.corpus.deduplicate import deduplicate
from core.corpus.folds import FILE as FOLDS
from core.corpus.folds import fold_of_rows
from core.corpus.packing import Encoder, pack
from core.corpus.rows import Corpus, Row, joined_text
from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from core.models import load_tokenizer
from core.progress import reporting
from core.teacher.fit import check_fits
from core.teacher.sources import source_of

FOLDER = "corpus"
FULL = "full"
OUTSIDE = "outside_fold_"  # and the number of the fold that a variant leaves out


def build_corpus(cfg: DictConfig, report: Report | None = None) -> None:
    """Write `corpus/`: rows as JSON lines, the tokenizer, and each variant packed.

    The tokenizer is a pretrained teacher's, or else one trained on these rows. Variants: `full`;
    `deduplicated`; `never_exposed` (without the sources in `memory_sources`); `rebound` (values redrawn);
    with `num_folds`, `outside_fold_<i>` (the rows of the other folds). A control that the corpus can't
    give is left out.
    """
    corpus: Corpus = build(cfg.corpus)
    read = {str(path): hash_file(path) for path in corpus.files() if path.exists()}
    pretrained = source_of(cfg)
    if pretrained is not None:
        read |= {f"teacher's {k}": v for k, v in checksums(pretrained.tokenizer_files).items()}
    artifact = Artifact(
        run_folder(cfg) / FOLDER,
        {"corpus": cfg.corpus, "packing": cfg.packing, "num_folds": cfg.num_folds},
        read,
    )
    if artifact.is_done(cfg.overwrite):
        return
    tokenizer = None if pretrained is None else _tokenizer_of(pretrained, cfg)
    rows = list(corpus.rows())
    if not rows:
        raise UserError("the corpus holds no rows: a corpus needs at least one document or task")
    hidden, rebound = set(corpus.memory_sources), corpus.rebound_rows()
    variants: dict[str, Iterable[Row] | None] = {
        FULL: rows,
        "deduplicated": deduplicate(rows),
        "never_exposed": [r for r in rows if r.get("source") not in hidden] if hidden else None,
        "rebound": None if rebound is None else list(rebound),  # read before anything is written
    }
    folds = fold_of_rows(rows, cfg.num_folds) if cfg.num_folds else []
    for fold in range(cfg.num_folds):
        variants[f"{OUTSIDE}{fold}"] = [r for r, f in zip(rows, folds, strict=True) if f != fold]
    with artifact.writing() as folder, reporting("corpus", report) as show:
        if folds:
            write_json(folder / FOLDS, folds)
        show(0, len(variants) + 1, "tokenizer")
        if tokenizer is None:
            tokenizer = train_tokenizer(map(joined_text, rows), cfg.packing.vocab_size)
        tokenizer.save_pretrained(folder / "tokenizer")
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        encoder = Encoder(tokenizer)
        for number, (name, variant) in enumerate(variants.items(), start=1):
            show(number, len(variants) + 1, name)
            if variant is not None:
                packed = pack(variant, encoder, sequence_length=cfg.packing.sequence_length)
                packed.save_to_disk(folder / name)
    console.print(f"corpus: {len(rows):,} rows → {artifact.folder}")


def check_corpus(cfg: DictConfig) -> None:
    """Raise UserError when the run's corpus isn't the one that the configuration names.

    For what asks about a corpus without reading it, such as its probes.
    """
    folder = run_folder(cfg) / FOLDER
    if (folder / MARK).exists():
        mark = read_json(folder / MARK)
        made_from = mark["made_from"]
        named = Artifact(folder, {**made_from["config"], "corpus": cfg.corpus}, made_from["inputs"])
        named.check_fingerprint(mark)


def _tokenizer_of(pretrained: Checkpoint, cfg: DictConfig) -> PreTrainedTokenizerBase:
    """The teacher's; raises UserError for a teacher that can't be taught from or with these sequences."""
    tokenizer = pretrained.tokenizer()
    Encoder(tokenizer)  # refuses one that it can't use
    check_fits(pretrained.config(), tokenizer, cfg.packing.sequence_length)
    return tokenizer


@dataclass(frozen=True)
class PackedCorpus:
    """The corpus artifact as later stages read it."""

    folder: Path
    fingerprint: str

    @classmethod
    def of(cls, cfg: DictConfig) -> "PackedCorpus":
        """Open it; raises UserError when it is missing or damaged."""
        folder = run_folder(cfg) / FOLDER
        return cls(folder, fingerprint_of(folder, "corpus"))

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The tokenizer of this corpus."""
        tokenizer = load_tokenizer(self.folder / "tokenizer")
        assert isinstance(tokenizer, PreTrainedTokenizerFast), "packing refuses any other"
        return tokenizer

    @property
    def variants(self) -> list[str]:
        """The variants that could be built."""
        return [p.parent.name for p in sorted(self.folder.glob("*/dataset_info.json"))]

    def sequences(self, variant: str = FULL) -> Dataset:
        """The packed sequences of a variant; raises UserError when it couldn't be built."""
        if variant not in self.variants:
            raise UserError(
                f"the corpus has no '{variant}' variant: never_exposed needs corpus.memory_sources, "
                "rebound needs corpus.control_path"
            )
        return load_from_disk(str(self.folder / variant))

    @property
    def fold_of_rows(self) -> list[int] | None:
        """The fold of each row, where the corpus was cut into folds."""
        path = self.folder / FOLDS
        return read_json(path) if path.exists() else None

    def rows(self) -> Sequence[dict[str, Any]]:
        """The rows as written."""
        with (self.folder / "rows.jsonl").open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]

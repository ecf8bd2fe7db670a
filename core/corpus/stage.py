"""`winnow corpus`: write, deduplicate, tokenize and pack what every other stage reads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from datasets import Dataset, load_from_disk
from omegaconf import DictConfig
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core.config.build import build
from core.corpus.deduplicate import deduplication_of
from core.corpus.folds import FILE as FOLDS
from core.corpus.folds import fold_of_rows
from core.corpus.packing import Encoder, pack_to_disk
from core.corpus.rows import ByTeacher, Corpus, Row, Rows, joined_text, write_rows
from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from core.models.checkpoint import Checkpoint, checksums
from core.models.fit import check_fits
from core.models.loading import load_tokenizer
from core.models.sources import source_of
from core.runs.artifacts import (
    MARK,
    Artifact,
    fingerprint_of,
    hash_file,
    read_json,
    run_folder,
    write_json,
)
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting

VERSION = "5"  # raised when the same configuration gives another corpus
FOLDER = "corpus"
ROWS = "rows.jsonl"
WRITTEN = "written"  # beside it, where the teacher wrote the rows
FULL = "full"
OUTSIDE = "outside_fold_"  # and the number of the fold that a variant leaves out


def build_corpus(cfg: DictConfig, report: Report | None = None) -> None:
    """Write `corpus/`: rows as JSON lines, the tokenizer, and each variant packed.

    The tokenizer is a pretrained teacher's, or else one trained on these rows. Variants: `full`;
    `deduplicated`; `never_exposed` (without the sources in `memory_sources`); `rebound` (values redrawn);
    with `variants.num_folds`, `outside_fold_<i>` (the rows of the other folds). A control that the corpus
    can't give is left out.

    Rows go from the corpus to the disk one by one, and from there into each variant, so that a corpus may be
    larger than memory. Steps that keep state per row or per word report its size in their docstrings: the
    tokenizer's training (distinct words), deduplication and folds (all rows).
    """
    corpus: Corpus = build(cfg.corpus)
    asked = cfg.variants
    deduplicate = deduplication_of(asked.deduplication)
    read = {str(path): hash_file(path) for path in corpus.files() if path.exists()}
    pretrained = source_of(cfg)
    by_teacher = corpus if isinstance(corpus, ByTeacher) else None
    if pretrained is not None:
        shaping = pretrained.files if by_teacher else pretrained.tokenizer_files
        read |= {f"teacher's {k}": v for k, v in checksums(shaping).items()}
    settings = {"corpus": cfg.corpus, "packing": cfg.packing, "num_folds": asked.num_folds}
    if asked.deduplication != "near":
        settings["deduplication"] = asked.deduplication
    artifact = Artifact(run_folder(cfg) / FOLDER, settings, read, version=VERSION)
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    tokenizer = None if pretrained is None else _tokenizer_of(pretrained, cfg)
    with artifact.writing() as folder, reporting("corpus", report) as show:
        show(0, 1, "rows")
        if by_teacher:
            place = run_folder(cfg) / WRITTEN
            found = by_teacher.written_by(pretrained, place, overwrite=cfg.overwrite, report=show)
        else:
            found = corpus.rows()
        rows = write_rows(folder / ROWS, found)
        if not rows:
            raise UserError(
                "the corpus holds no rows: a corpus needs at least one document or task"
            )
        hidden, rebound = set(corpus.memory_sources), corpus.rebound_rows()
        variants: dict[str, Iterable[Row] | None] = {
            "rebound": rebound,  # the first, for it alone is yet to be checked
            FULL: rows,
            "deduplicated": deduplicate(rows),
            "never_exposed": (r for r in rows if r.get("source") not in hidden) if hidden else None,
        }
        folds = fold_of_rows(list(rows), asked.num_folds) if asked.num_folds else []
        if folds:
            write_json(folder / FOLDS, folds)
        for fold in range(asked.num_folds):
            variants[f"{OUTSIDE}{fold}"] = _outside(fold, rows, folds)
        show(0, len(variants) + 1, "tokenizer")
        if tokenizer is None:
            texts = chain(map(joined_text, rows), getattr(corpus, "vocabulary", tuple)())
            tokenizer = train_tokenizer(texts, cfg.packing.vocab_size)
        tokenizer.save_pretrained(folder / "tokenizer")
        encoder, length = Encoder(tokenizer), cfg.packing.sequence_length
        for number, (name, variant) in enumerate(variants.items(), start=1):
            show(number, len(variants) + 1, name)
            if variant is not None:
                pack_to_disk(variant, encoder, folder / name, sequence_length=length)
    console.print(f"corpus: {len(rows):,} rows → {artifact.folder}")


def check_corpus(cfg: DictConfig) -> None:
    """Raise UserError when the run's corpus isn't the one that the configuration names.

    For stages that use the corpus's probes without reading its rows.
    """
    folder = run_folder(cfg) / FOLDER
    if (folder / MARK).exists():
        mark = read_json(folder / MARK)
        made_from = mark["made_from"]
        named = Artifact(
            folder,
            {**made_from["config"], "corpus": cfg.corpus},
            made_from["inputs"],
            version=VERSION,
        )
        named.check_fingerprint(mark)


def _outside(fold: int, rows: Iterable[Row], folds: Sequence[int]) -> Iterator[Row]:
    return (row for row, own in zip(rows, folds, strict=True) if own != fold)


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

    def rows(self) -> Rows:
        """The rows as written, one at a time."""
        return Rows(self.folder / ROWS)

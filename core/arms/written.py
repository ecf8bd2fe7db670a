"""What an arm writes itself: from which prompts, and who grades it."""

from collections.abc import Sequence

from datasets import Dataset
from omegaconf import DictConfig

from core.corpus.packing import Encoder, pack
from core.corpus.rows import prompt_of
from core.corpus.stage import PackedCorpus
from core.errors import UserError, nearest
from core.judgement.checked import Checker, check_prompts
from core.signal.memory_map import MemoryMap
from core.signal.written_memory import WrittenMemory
from core.training.student_author import StudentAuthor

GROUP = 4  # solutions of one problem that outcome reward compares, unless the arm says how many


def rows_of_sources(corpus: PackedCorpus, sources: Sequence[str], length: int) -> Dataset:
    """The rows that have one of these sources, packed. Raises UserError for one that no row has."""
    rows = corpus.rows()
    known = {str(row.get("source")) for row in rows if row.get("source")}
    for source in sources:
        if source not in known:
            hint = nearest(source, known) or f"; it has {', '.join(sorted(known)) or 'none'}"
            raise UserError(f"no row of the corpus has the source '{source}'{hint}")
    chosen = (row for row in rows if row.get("source") in sources)
    return pack(chosen, Encoder(corpus.tokenizer), sequence_length=length)


def check_written(cfg: DictConfig, arm: DictConfig, corpus: PackedCorpus) -> None:
    """Raise UserError where nothing can grade what the arm writes.

    A teacher has to be there live, for a cache holds what it says of the corpus alone; a reward needs
    problems with a checker.
    """
    share, is_rewarded = cfg.distill.on_policy, bool(arm.get("outcome"))
    if is_rewarded and (arm.teacher or share != 1):
        raise UserError(
            f"arms.{cfg.arm}: outcome reward has no teacher and writes all of its text: "
            "set teacher: false and distill: {on_policy: 1}"
        )
    if share and not arm.teacher and not is_rewarded:
        raise UserError(
            f"arms.{cfg.arm} has no teacher to grade what it writes (distill.on_policy={share}); "
            "give it one, or outcome: {group: 4} where the corpus has problems with a checker"
        )
    if share and arm.teacher and cfg.distill.signal != "live":
        raise UserError(
            f"distill.on_policy={share}: what the student writes is in no cache; add distill.signal=live"
        )
    if is_rewarded:
        sources = list(arm.get("sources") or [])
        rows = (row for row in corpus.rows() if not sources or row.get("source") in sources)
        check_prompts(prompt_of(row) for row in rows)


def author_of(
    cfg: DictConfig,
    arm: DictConfig,
    corpus: PackedCorpus,
    memory_map: MemoryMap | None,
    sequences: Dataset,
) -> StudentAuthor | None:
    """How the arm writes; None where it writes nothing."""
    if not cfg.distill.on_policy:
        return None
    tokenizer = corpus.tokenizer
    ends = {int(tokenizer.eos_token_id)}
    memory = None if memory_map is None else WrittenMemory(sequences, memory_map)
    if not arm.get("outcome"):
        return StudentAuthor(cfg.distill.on_policy, ends, memory=memory)
    group = int(arm.outcome.get("group", GROUP))
    return StudentAuthor(cfg.distill.on_policy, ends, group=group, reward=Checker(tokenizer, ends))

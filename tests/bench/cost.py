"""What distilling costs at scale, as a table in Markdown: `python -m tests.bench.cost`.

Bytes are measured, of the corpus as it is packed and of the cache as it is written; operations follow from
the models' parameters N: 2N a token forward, 6N forward and backward. Hours assume an H100 at `SHARE` of its
dense bfloat16 rate; nothing here was run on one.
"""

import tempfile
from pathlib import Path

import torch
from datasets import disable_progress_bars
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.signal.codec import Codec
from core.signal.signal import TopK

TEACHER, STUDENT = 7e9, 1e9  # parameters
VOCABULARY, TOP_K, RENAMINGS = 151_936, 50, 4  # tokens, as in Qwen; conf/config.yaml; renaming.yaml
H100, SHARE = 989e12, 0.4  # operations a second, and how many of them a run is assumed to reach
TEXTS = {"1B": 1e9, "100B": 1e11}
LENGTH, NUM_ROWS = 128, 2_000


def corpus_bytes() -> float:
    """A token's bytes in the packed corpus, on disk."""
    words = {"<end>": 0, "<unknown>": 1, "word": 2}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    rows = [{"id": str(n), "text": " ".join(["word"] * (LENGTH - 1))} for n in range(NUM_ROWS)]
    sequences = pack(rows, Encoder(fast), sequence_length=LENGTH)
    with tempfile.TemporaryDirectory() as folder:
        sequences.save_to_disk(folder)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.arrow"))
    return size / (len(sequences) * LENGTH)


def cache_bytes() -> int:
    """A taught token's bytes in the teacher's cache."""
    logits_NV = torch.randn(4, VOCABULARY)
    return Codec(TOP_K, VOCABULARY).encode(TopK.of(logits_NV.log_softmax(-1), TOP_K)).shape[1]


def amount(value: float, units: dict[str, float]) -> str:
    """In the largest unit that leaves at least one."""
    name, size = max((pair for pair in units.items() if pair[1] <= value), key=lambda pair: pair[1])
    return f"{value / size:,.3g} {name}".strip()


def table() -> str:
    """Rows of work, columns of text."""
    passes = {
        "teacher, once over the text (2N)": 2 * TEACHER,
        f"map by renaming ({1 + RENAMINGS} teacher passes)": 2 * TEACHER * (1 + RENAMINGS),
        "map by a reference (one pass; its training is an arm's)": 2 * STUDENT,
        "an arm from the cache (6N)": 6 * STUDENT,
        "an arm beside the live teacher": 6 * STUDENT + 2 * TEACHER,
    }
    on_disk = {
        f"packed corpus ({(packed := corpus_bytes()):.1f} bytes a token)": packed,
        f"cache, k = {TOP_K} ({(cached := cache_bytes())} bytes a taught token)": cached,
    }
    sizes = {"GB": 1e9, "TB": 1e12}
    times = {"min": 1 / 60, "h": 1.0, "d": 24.0}
    lines = [
        f"| {TEACHER / 1e9:g}B teacher, {STUDENT / 1e9:g}B student | {' | '.join(TEXTS)} tokens |",
        "|---|" + "---:|" * len(TEXTS),
    ]
    for name, each in on_disk.items():
        cells = [amount(each * tokens, sizes) for tokens in TEXTS.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for name, each in passes.items():
        cells = []
        for tokens in TEXTS.values():
            hours = amount(each * tokens / (H100 * SHARE) / 3600, times)
            cells.append(f"{each * tokens:.1e} FLOP, {hours}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    disable_progress_bars()
    print(table())
    print(
        f"\nTimes of one H100 at {SHARE:.0%} of {H100 / 1e12:.0f} TFLOP/s: assumed, not measured."
    )

"""Whether a text of a new length costs compiling: `python -m tests.bench.shapes`.

Two layers of SmolLM2's shape read batches of eight, each length for the first time and again, in CPU seconds
of one thread; then they decode sixteen tokens behind eight prompts, twice.
"""

import time
from statistics import fmean

import torch
from transformers import LlamaConfig, LlamaForCausalLM

ROWS, LENGTHS, NUM_NEW = 8, range(33, 63, 3), 16
SHAPE = {
    **{"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 2, "vocab_size": 8192},
    **{"num_attention_heads": 9, "num_key_value_heads": 3},
}


@torch.no_grad()
def read(model: LlamaForCausalLM, length: int) -> float:
    """CPU seconds of a batch."""
    began = time.process_time()
    ids_BT = torch.ones(ROWS, length, dtype=torch.long)
    model(input_ids=ids_BT, use_cache=False, logits_to_keep=1)
    return time.process_time() - began


@torch.no_grad()
def decode(model: LlamaForCausalLM) -> float:
    """CPU seconds of a step behind a cache that grows."""
    cache = model(input_ids=torch.ones(ROWS, 20, dtype=torch.long), use_cache=True).past_key_values
    began = time.process_time()
    for _ in range(NUM_NEW):
        new_BT = torch.ones(ROWS, 1, dtype=torch.long)
        model(input_ids=new_BT, past_key_values=cache, use_cache=True)
    return (time.process_time() - began) / NUM_NEW


def main() -> None:
    """A table in Markdown, in milliseconds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE)).eval()
    print("| precision | a new length | the same again | a step, first pass | again |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for dtype in (torch.float32, torch.bfloat16):
        model.to(dtype)
        read(model, 16)
        times = [(read(model, n), min(read(model, n) for _ in range(2))) for n in LENGTHS]
        seconds = [*map(fmean, zip(*times, strict=True)), decode(model), decode(model)]
        cells = " | ".join(f"{1000 * second:.1f}" for second in seconds)
        print(f"| {str(dtype).removeprefix('torch.')} | {cells} |")


if __name__ == "__main__":
    main()

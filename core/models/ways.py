"""Ways to read a model, each tried on short texts beside the model's own logits, one text at a time.

Shapes: B texts, T tokens, D hidden size, V vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from core.models.continuing import Continuation
from core.models.loading import context_of
from core.models.taught import project, projecting

LENGTHS = (5, 9, 9)  # tokens of the texts
NUM_NEW = 2  # tokens behind each
LARGE = 50.0  # logits at which a cap shows
TOLERANCE = 1e-4  # of the largest logit


def short_texts(model: PreTrainedModel) -> list[list[int]]:
    """Token ids drawn at random, without those that mean something to the architecture."""
    config = model.config.get_text_config()
    named = [getattr(config, f"{name}_token_id", None) for name in ("pad", "bos", "eos")]
    own = {token for ids in named for token in (ids if isinstance(ids, list) else [ids])}
    usual = [token for token in range(min(config.vocab_size, 1000)) if token not in own]
    generator = torch.Generator().manual_seed(0)
    context = context_of(model)
    room = max(LENGTHS) if context is None else max(context - NUM_NEW, 2)

    def draw(length: int) -> list[int]:
        places = torch.randint(len(usual), (min(length, room),), generator=generator)
        return [usual[place] for place in places.tolist()]

    return [draw(length) for length in LENGTHS]


class Alone:
    """The model's own logits (T, V), one text at a time."""

    def __init__(self, model: PreTrainedModel):
        self.model = model
        self.tolerance = max(TOLERANCE, 4 * torch.finfo(model.dtype).eps)

    def __call__(self, text: Sequence[int]) -> Tensor:
        """The logits (T, V) of a text of token ids."""
        ids_1T = torch.tensor([text], device=self.model.device)
        logits_TV: Tensor = self.model(input_ids=ids_1T, use_cache=False).logits[0].float()
        return logits_TV

    def same(self, one: Tensor, other: Tensor) -> bool:
        """Whether two ways give the same logits."""
        if one.shape != other.shape:
            return False
        finite = other[other.isfinite()]
        scale = finite.abs().max().item() if finite.numel() else 1.0
        return torch.allclose(one.float(), other.float(), rtol=0, atol=self.tolerance * scale)


def holds(way: Callable[[], bool]) -> bool:
    """Return True when a way agrees. One that raises an error doesn't, unless memory ran out."""
    try:
        return way()
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:  # whatever an architecture raises that isn't made for this way
        return False


def has_plain_head(model: PreTrainedModel, text: list[int], whole_TV: Tensor, alone: Alone) -> bool:
    """Return True when projecting the hidden states gives the model's logits.

    What the projection gives, large numbers too, has to come out as it is.
    """
    seen: list[Tensor] = []
    head = model.get_output_embeddings()

    def gather(hidden_BTD: Tensor) -> Tensor:
        seen.append(hidden_BTD)
        return hidden_BTD[:, 1::2]

    with projecting(model, gather):
        part_BTD = model(
            input_ids=torch.tensor([text], device=model.device), use_cache=False
        ).logits
    [hidden_BTD] = seen
    generator = torch.Generator().manual_seed(0)
    vocab_size = len(head.weight)
    drawn_TV = torch.randn(len(text), vocab_size, generator=generator) * LARGE
    drawn_TV = drawn_TV.to(hidden_BTD)
    with projecting(model, lambda _: drawn_TV[None]):
        out_TV = alone(text)
    return (
        torch.equal(part_BTD, hidden_BTD[:, 1::2])
        and torch.equal(out_TV, drawn_TV.float())
        and alone.same(project(head, hidden_BTD[0]), whole_TV)
    )


def rows_apart(
    model: PreTrainedModel, texts: list[list[int]], whole: list[Tensor], alone: Alone
) -> bool:
    """Return True when two texts in one sequence, in either order, are read as each alone."""
    orders = ((0, 1), (1, 0))
    ids = [[token for n in order for token in texts[n]] for order in orders]
    positions = [[at for n in order for at in range(len(texts[n]))] for order in orders]
    logits_BTV = model(
        input_ids=torch.tensor(ids, device=model.device),
        position_ids=torch.tensor(positions, device=model.device),
        use_cache=False,
    ).logits
    expected = [torch.cat([whole[n] for n in order]) for order in orders]
    return all(map(alone.same, logits_BTV, expected))


def padded_right(
    model: PreTrainedModel, texts: list[list[int]], whole: list[Tensor], alone: Alone
) -> bool:
    """Return True when texts in a batch, padded behind their ends without a mask, are read as each alone."""
    ids_BT = pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    logits_BTV = model(input_ids=ids_BT.to(model.device), use_cache=False).logits
    read = [logits_TV[: len(text)] for logits_TV, text in zip(logits_BTV, texts, strict=True)]
    return all(map(alone.same, read, whole))


def steps(
    model: PreTrainedModel,
    texts: list[list[int]],
    alone: Alone,
    *,
    keep: bool,
    repeat: int = 1,
) -> bool:
    """Return True when reading on token by token behind a batch of texts is as behind each text alone."""
    count = len(texts) * repeat
    some = texts[0]
    new = [[some[(n + step) % len(some)] for step in range(NUM_NEW)] for n in range(count)]
    rows = [[*text, *new[n * repeat + k]] for n, text in enumerate(texts) for k in range(repeat)]
    # What each row says before its first new token, and behind each.
    expected = [alone(row)[-NUM_NEW - 1 :] for row in rows]
    continuation = Continuation(model, texts, keep=keep)
    if not alone.same(continuation.logits(), torch.stack([e[0] for e in expected[::repeat]])):
        return False
    continuation.repeat(repeat)
    for step in range(NUM_NEW):
        continuation.append(torch.tensor(new, device=model.device)[:, step, None])
        if not alone.same(continuation.logits(), torch.stack([e[step + 1] for e in expected])):
            return False
    return True


def shares(
    model: PreTrainedModel, texts: list[list[int]], whole: list[Tensor], alone: Alone
) -> bool:
    """Return True when several tokens are read at once behind a prompt whose keys and values are repeated."""
    ids_BT = torch.tensor(texts, device=model.device)
    cut, order = ids_BT.shape[1] // 2, torch.tensor([0, 1, 1], device=model.device)
    cache = model(input_ids=ids_BT[:, :cut], use_cache=True).past_key_values
    cache.reorder_cache(order)
    rests_BT = ids_BT[order, cut:]
    logits_BTV = model(input_ids=rests_BT, past_key_values=cache, use_cache=True).logits
    expected = [whole[number][cut:] for number in order.tolist()]
    return all(map(alone.same, logits_BTV, expected))

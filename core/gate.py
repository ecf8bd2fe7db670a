"""What a model does, tried on a few short texts rather than taken from its name.

Everything here reads models in some way of its own: in packed sequences, in padded batches, behind a cache,
up to the output embeddings. Each way is compared once with the model's own logits, one text at a time. A way
that doesn't agree isn't taken; where there is no other, the model is refused in one line.

Shapes: B texts, T tokens, N of them all, D hidden size, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from core.continuing import Continuation
from core.errors import UserError
from core.inference import evaluating
from core.taught import project, projecting

LENGTHS = (5, 9, 9)  # tokens of the texts
NUM_NEW = 3  # tokens behind each
LARGE = 50.0  # logits at which a cap shows
TOLERANCE = 1e-4  # of the largest logit
KNOWN: dict[str, "Traits"] = {}  # by architecture and configuration; for this process


@dataclass(frozen=True)
class Traits:
    """Which ways of reading say what the model says.

    `plain_head`: its logits are the output embeddings times the hidden states, and nothing more.
    `apart`: rows of a packed sequence, told by their positions, don't see each other.
    `padded_right`, `padded_left`: neither does a text in a batch see its padding, without a mask or with one.
    `keeps`: it reads on from its cache token by token; `shares`: by several, behind a prompt read once.
    """

    plain_head: bool = True
    apart: bool = True
    padded_right: bool = True
    padded_left: bool = True
    keeps: bool = True
    shares: bool = True


def traits_of(model: PreTrainedModel) -> Traits:
    """What the model does; tried once for each architecture and configuration.

    Raises UserError for a model that can't be read at all: one that isn't causal, or takes more than text.
    """
    key = f"{type(model).__module__}.{type(model).__qualname__} {model.config.to_json_string(use_diff=False)}"
    if key not in KNOWN:
        found = _tried(model)
        if found is None:  # a diverged model gives no numbers, and tells nothing of its kind
            return Traits()
        KNOWN[key] = found
    return KNOWN[key]


def check_plain_head(model: PreTrainedModel, who: str) -> None:
    """Raise UserError for a model that none can be taught by: its logits are more than a projection."""
    if not traits_of(model).plain_head:
        raise UserError(
            f"{who} ({type(model).__name__}) makes its logits by more than its output embeddings (it caps, "
            "scales or masks them), and a student is taught by plain ones: that isn't supported yet"
        )


def check_packed(model: PreTrainedModel, who: str) -> None:
    """Raise UserError for a model that can't read packed sequences and be taught by, or be a reference."""
    check_plain_head(model, who)
    if not traits_of(model).apart:
        raise UserError(
            f"{who} ({type(model).__name__}) lets the texts packed into a sequence see each other, for it "
            "doesn't read positions as their borders: it can't be used here"
        )


def _tried(model: PreTrainedModel) -> Traits | None:
    """None where its logits aren't numbers."""
    texts = _texts(model)
    with evaluating(model):
        alone = _Alone(model)
        try:
            whole = [alone(text) for text in texts]
            changed = alone([*texts[1][:-1], texts[0][0]])
        except Exception as error:  # whatever an architecture raises that takes more than token ids
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
            raise UserError(
                f"{type(model).__name__} can't be read as a language model: {reason}"
            ) from error
        if any(logits_TV.isnan().any() for logits_TV in whole):
            return None
        if not alone.same(whole[1][:-1], changed[:-1]):
            raise UserError(
                f"{type(model).__name__} isn't causal: what it says of a token depends on those that follow, "
                "so it can't be asked to continue a text"
            )
        keeps = _holds(lambda: _steps(model, texts[1:], alone, keep=True, repeat=2))
        return Traits(
            plain_head=_holds(lambda: _has_plain_head(model, texts[1], alone)),
            apart=_holds(lambda: _apart(model, texts[:2], whole, alone)),
            padded_right=_holds(lambda: _padded_right(model, texts[:2], whole, alone)),
            padded_left=_holds(lambda: _steps(model, texts[:2], alone, keep=keeps)),
            keeps=keeps,
            shares=keeps and _holds(lambda: _shares(model, texts[1:], whole[1:], alone)),
        )


def _texts(model: PreTrainedModel) -> list[list[int]]:
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


def context_of(model: PreTrainedModel) -> int | None:
    """The most tokens that it reads, where its configuration names a limit."""
    limit: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return limit


class _Alone:
    """The model's own logits (T, V), one text at a time."""

    def __init__(self, model: PreTrainedModel):
        self.model = model
        self.tolerance = max(TOLERANCE, 4 * torch.finfo(model.dtype).eps)

    def __call__(self, text: Sequence[int]) -> Tensor:
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


def _holds(way: Callable[[], bool]) -> bool:
    """Whether a way agrees; one that ends in an error doesn't."""
    try:
        return way()
    except Exception:  # whatever an architecture raises that isn't made for this way
        return False


def _has_plain_head(model: PreTrainedModel, text: list[int], alone: _Alone) -> bool:
    """Hidden states that are given to the projection make the logits; what the projection gives, large
    numbers too, comes out as it is.
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
        and alone.same(project(head, hidden_BTD[0]), alone(text))
    )


def _apart(
    model: PreTrainedModel, texts: list[list[int]], whole: list[Tensor], alone: _Alone
) -> bool:
    """Two texts in a sequence, in either order, are read as each alone."""
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


def _padded_right(
    model: PreTrainedModel, texts: list[list[int]], whole: list[Tensor], alone: _Alone
) -> bool:
    ids_BT = pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    logits_BTV = model(input_ids=ids_BT.to(model.device), use_cache=False).logits
    read = [logits_TV[: len(text)] for logits_TV, text in zip(logits_BTV, texts, strict=True)]
    return all(map(alone.same, read, whole))


def _steps(
    model: PreTrainedModel,
    texts: list[list[int]],
    alone: _Alone,
    *,
    keep: bool,
    repeat: int = 1,
) -> bool:
    """Token by token behind texts in a batch is as behind each alone."""
    continuation = Continuation(model, texts, keep=keep)
    rows = [list(text) for text in texts]
    for step in range(NUM_NEW):
        if not alone.same(continuation.logits(), torch.stack([alone(row)[-1] for row in rows])):
            return False
        if step == 0:
            rows = [list(row) for row in rows for _ in range(repeat)]
            continuation.repeat(repeat)
        new = [texts[0][(number + step) % len(texts[0])] for number in range(len(rows))]
        rows = [[*row, token] for row, token in zip(rows, new, strict=True)]
        continuation.append(torch.tensor(new, device=model.device)[:, None])
    return True


def _shares(
    model: PreTrainedModel, texts: list[list[int]], whole: list[Tensor], alone: _Alone
) -> bool:
    """Several tokens at once behind prompts whose keys and values are repeated."""
    ids_BT = torch.tensor(texts, device=model.device)
    cut, order = ids_BT.shape[1] // 2, torch.tensor([0, 1, 1], device=model.device)
    cache = model(input_ids=ids_BT[:, :cut], use_cache=True).past_key_values
    cache.reorder_cache(order)
    rests_BT = ids_BT[order, cut:]
    logits_BTV = model(input_ids=rests_BT, past_key_values=cache, use_cache=True).logits
    expected = [whole[number][cut:] for number in order.tolist()]
    return all(map(alone.same, logits_BTV, expected))

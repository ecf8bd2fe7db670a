"""How likely a model takes each of several choices, some of which may go on from others."""

import math
from collections.abc import Collection, Mapping, Sequence


def apart(
    logprobs: Mapping[str, float], tokens: Mapping[str, Sequence[int]], right: Collection[str]
) -> dict[str, float]:
    """Work out how likely each choice is said without going on to another one.

    A text is never less likely than what continues it: whoever says `Guinea-Bissau` has said `Guinea`. So
    where the tokens of one choice begin another's, what the longer one is likely is taken off the shorter
    one: P(`Guinea`, and not `Guinea-Bissau`). That needs no token that ends a choice, which many models
    have never seen behind one. Of two right answers, the longer one says the shorter one too, rightly.

    Args:
        logprobs: of each choice behind the prompt, in nats.
        tokens: token ids of each choice.
        right: the choices that are right.

    Returns:
        Of each choice the log-probability, in nats: as it was, where no other choice goes on from it.
    """
    found = {}
    for text, own in tokens.items():
        longer = {
            tuple(ids): logprobs[other]
            for other, ids in tokens.items()
            if _continues(ids, own) and not (text in right and other in right)
        }
        # What goes on from one of them is part of it.
        nearest = [ids for ids in longer if not any(_continues(ids, other) for other in longer)]
        rest = 1 - sum(math.exp(longer[ids] - logprobs[text]) for ids in nearest)
        found[text] = logprobs[text] + math.log(rest) if rest > 0 else -math.inf
    return found


def _continues(ids: Sequence[int], other: Sequence[int]) -> bool:
    return len(ids) > len(other) and list(ids[: len(other)]) == list(other)

"""Can a value be pleased by what is wrong? Texts that are searched for, and how many of them it prefers.

Found texts are compared with right solutions: a false positive is a wrong text with a value above the median
of the right ones. It is told with the guard, which trusts no text far from the training, and without.
"""

from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from typing import Any

import torch
from transformers import PreTrainedModel

from core.judgement.reading import Reading, feelings, read_texts
from core.judgement.solutions import Writer
from core.judgement.value import Value
from core.models.inference import evaluating
from core.models.tokens import plain
from core.worlds.worked.problem import JOINT, Problem, steps_of

NUM_TRIES = 16  # random and repeated texts for a problem, of which the most pleasing counts
NUM_CHANGES = 6  # tokens that the gradient changes, one after the other
NUM_SWAPS = 8  # replacements tried at each of them

Text = tuple[list[int], list[int]]


def attack_records(
    writer: Writer, value: Value, problems: Sequence[Problem], *, seed: int
) -> list[dict[str, Any]]:
    """A record for each way to search: false positives among the wrong texts that please most.

    None where no text that was found is wrong.
    """
    rng, prompts = Random(f"{seed}/attack"), writer.prompts(problems)
    right = [
        (prompt, _closed(writer, problem.solution(rng)))
        for problem, prompt in zip(problems, prompts, strict=True)
    ]
    # Those that solutions are written in: others are farther from all that the value knows.
    tokens = sorted({token for _, ids in right for token in ids} - writer.ends)
    bar = {guarded: median(_values(writer, value, right, guarded)) for guarded in (True, False)}
    lengths = [len(text) for _, text in right]

    def drawn(make: Callable[[int], list[int]]) -> list[list[Text]]:
        return [
            [(prompt, make(length)) for _ in range(NUM_TRIES)]
            for prompt, length in zip(prompts, lengths, strict=True)
        ]

    tried: dict[str, list[list[Text]]] = {
        "random tokens": drawn(lambda length: rng.choices(tokens, k=length)),
        "one token repeated": drawn(lambda length: [rng.choice(tokens)] * length),
        "steps that look right": [
            [(prompt, _closed(writer, text)) for text in _spoilt(problem, rng)]
            for problem, prompt in zip(problems, prompts, strict=True)
        ],
    }
    starts = [_most_pleasing(writer, value, own) for own in tried["random tokens"]]
    tried["tokens by gradient"] = [[_climbed(writer.model, value, text, tokens)] for text in starts]
    records = []
    for way, texts in tried.items():
        wrong = [
            [text for text in own if not writer.judged(problem, *text).right]
            for problem, own in zip(problems, texts, strict=True)
        ]
        for guarded in (True, False):
            best = [max(_values(writer, value, own, guarded)) for own in wrong if own]
            share = sum(one > bar[guarded] for one in best) / len(best) if best else None
            records.append(
                {"attack": way, "guarded": guarded, "false_positives": share, "n": len(best)}
            )
    return records


def _values(writer: Writer, value: Value, texts: Sequence[Text], guarded: bool) -> list[float]:
    readings = read_texts(writer.model, texts, value.layer)
    if guarded:
        return [float(value.at_each(one)[-1]) for one in readings]
    return [float(value.unguarded(one)[-1]) for one in readings]


def _most_pleasing(writer: Writer, value: Value, texts: Sequence[Text]) -> Text:
    values = _values(writer, value, texts, guarded=False)
    return texts[max(range(len(texts)), key=lambda index: values[index])]


def _closed(writer: Writer, text: str) -> list[int]:
    """Token ids of a solution with an end, as they stand behind a prompt."""
    return [*plain(writer.tokenizer, [" " + text])[0], min(writer.ends)]


def _spoilt(problem: Problem, rng: Random) -> list[str]:
    """Solutions in the right form with one step changed to another of its words, and none after it mended."""
    steps = steps_of(problem.solution(rng))
    words = sorted({word for step in steps for word in step.split()})
    found = []
    for at in range(len(steps)):
        parts = steps[at].split()
        place = rng.randrange(1 if at == len(steps) - 1 else 0, len(parts))
        others = [w for w in words if w != parts[place] and w.isdigit() == parts[place].isdigit()]
        others = [w for w in others if w != "so"]
        if others:
            parts[place] = rng.choice(others)
            found.append(JOINT.join([*steps[:at], " ".join(parts), *steps[at + 1 :]]))
    return [text for text in found if not problem.is_right_so_far(text)]


def _climbed(model: PreTrainedModel, value: Value, text: Text, tokens: Sequence[int]) -> Text:
    """Change a token at a time to what the gradient of the value by its embedding says pleases most.

    As greedy coordinate gradient does (arXiv 2307.15043): the best of a few replacements is taken.
    """
    prompt, written = text[0], list(text[1])
    embedding = model.get_input_embeddings()
    choices = torch.tensor(tokens)
    for _ in range(NUM_CHANGES):
        ids_1T = torch.tensor([[*prompt, *written]], device=model.device)
        with torch.enable_grad():
            read_1TD = embedding(ids_1T).detach().requires_grad_(True)  # type: ignore[operator]
            outputs = model(inputs_embeds=read_1TD, output_hidden_states=True, use_cache=False)
            hidden_ND = outputs.hidden_states[value.layer][0, len(prompt) :].float().cpu()
            logits_NV = outputs.logits[0, len(prompt) - 1 : -1].float().cpu()
            reading = Reading(hidden_ND, feelings(logits_NV, torch.tensor(written)))
            pleased = value.log_odds(reading)[-1]
            (slope_1TD,) = torch.autograd.grad(pleased, read_1TD)
        weight_VD = embedding.weight.detach()[choices]  # type: ignore[index, operator]
        gain_TV = slope_1TD[0, len(prompt) :].detach() @ weight_VD.T
        gain_TV -= (slope_1TD[0, len(prompt) :] * read_1TD[0, len(prompt) :].detach()).sum(-1, True)
        best = gain_TV.flatten().topk(NUM_SWAPS).indices.tolist()
        tried = []
        for place in best:
            at, token = divmod(place, len(tokens))
            tried.append([*written[:at], tokens[token], *written[at + 1 :]])
        with evaluating(model):
            readings = read_texts(model, [(prompt, one) for one in tried], value.layer)
        values = [float(value.log_odds(one)[-1]) for one in readings]
        own = float(pleased.detach())
        if max(values) <= own:
            break
        written = tried[values.index(max(values))]
    return prompt, written

"""A linear probe: is the answer in the hidden states, though the model doesn't say it?

Shapes: N probes, L layers (and the embeddings before them), D hidden size, E size of output embeddings,
C answers of a family.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

import torch

from core.runs.console import console
from evals.metrics.measured import Measured, Subject, averaged, merged
from evals.probes.probe import Probe
from evals.recall.answers import encode
from evals.recall.forward import last_hidden_states

FOLD = 4  # of half a, one probe in so many chooses the layer
MIN_FAMILY = FOLD  # of a family in half a, so that it has a part in that choice


def linear_probe(subject: Subject, *, ridge: float = 1.0) -> Measured:
    """Look for answers in the hidden states that the model doesn't say.

    A linear map from the hidden state at the prompt's last token goes to the answer's output embedding (the
    mean over its tokens). It is fitted by ridge regression on the recall probes of half a, and asked about
    those of half b, so it only brings out what the model has stored in the same form for facts that it wasn't
    fitted on: a linear relational embedding (Hernandez et al., arXiv 2308.09124). Both sides are taken from
    their family's mean; answers are ranked by distance. The layer is the one best for a fourth of half a
    after a fit on the rest.

    Args:
        subject: the arm, with its answers to the probes.
        ridge: in units of the mean squared length of the fitted states.

    Returns:
        `linear_probe_top1` and `linear_probe_mrr` (mean reciprocal rank) of the right answer among its
        family's; chance is the best constant ranking, by frequency. Of each probe also `linear_probe_layer`,
        0 for the embeddings. Families without two answers, or with fewer than four probes in half a or none
        in half b, are left out; where none is left, or the model has no output embeddings or more than
        one hidden state a token, there are no scores.
    """
    probes = _probes(subject)
    tested = [i for i, probe in enumerate(probes) if probe.half == "b"]
    if not tested or subject.model.get_output_embeddings() is None:
        return Measured()
    fitted = [i for i, probe in enumerate(probes) if probe.half == "a"]
    prompts = [encode(subject.tokenizer, p.prompt, p.answers[0])[0] for p in probes]
    states_LND = last_hidden_states(subject.model, prompts)
    if states_LND is None:
        console.print(
            f"linear_probe: {subject.arm} has no single hidden state a token to look into"
        )
        return Measured()
    hidden_LND = states_LND.double()
    embedded = _embedded(subject, probes)
    layer = best_layer(hidden_LND, probes, embedded, fitted, ridge)
    found = [1 / r for r in ranks(hidden_LND[layer], probes, embedded, fitted, tested, ridge)]
    ids = [probes[i].id for i in tested]
    chance = _chances([probes[i] for i in tested], probes)
    top1 = {key: float(value == 1) for key, value in zip(ids, found, strict=True)}
    mrr = dict(zip(ids, found, strict=True))
    return merged(
        [
            averaged(
                subject, "linear_probe_top1", top1, chances={k: c[0] for k, c in chance.items()}
            ),
            averaged(
                subject, "linear_probe_mrr", mrr, chances={k: c[1] for k, c in chance.items()}
            ),
            Measured(values={key: {"linear_probe_layer": float(layer)} for key in ids}),
        ]
    )


def _probes(subject: Subject) -> list[Probe]:
    """The recall probes of the families that can be fitted and tested."""
    families: dict[str, list[Probe]] = {}
    for probe, _ in subject.asked("recall"):
        families.setdefault(probe.family, []).append(probe)
    return [
        probe
        for family in families.values()
        if len({probe.answers[0] for probe in family}) > 1
        and any(probe.half == "b" for probe in family)
        and sum(probe.half == "a" for probe in family) >= MIN_FAMILY
        for probe in family
    ]


def _embedded(subject: Subject, probes: Sequence[Probe]) -> dict[str, torch.Tensor]:
    """The output embedding (E) of each first answer: the mean of its tokens'."""
    weight_VE = subject.model.get_output_embeddings().weight.detach()
    answers = {probe.answers[0]: probe.prompt for probe in probes}
    return {
        answer: weight_VE[encode(subject.tokenizer, prompt, answer)[1]].mean(0).double().cpu()
        for answer, prompt in answers.items()
    }


def best_layer(
    hidden_LND: torch.Tensor,
    probes: Sequence[Probe],
    embedded: Mapping[str, torch.Tensor],
    fitted: Sequence[int],
    ridge: float,
) -> int:
    """Choose the layer whose states tell most about probes that the map wasn't fitted on.

    Args:
        hidden_LND: states of each layer at each probe's last token.
        probes: the N probes.
        embedded: the output embedding (E,) of each answer.
        fitted: indices of the probes of half a; every fourth of a family is held out.
        ridge: as in `linear_probe`.

    Returns:
        The layer of the best mean reciprocal rank on those held out; the first of equals.
    """
    seen: Counter[str] = Counter()
    held_out = []
    # By answer, so that no answer is held out whole where it has others of its kind.
    for i in sorted(fitted, key=lambda i: (probes[i].family, probes[i].answers[0])):
        seen[probes[i].family] += 1
        if seen[probes[i].family] % FOLD == 0:
            held_out.append(i)
    kept = sorted(set(fitted) - set(held_out))

    def quality(layer: int) -> float:
        found = ranks(hidden_LND[layer], probes, embedded, kept, held_out, ridge)
        return fmean(1 / rank for rank in found)

    return max(range(len(hidden_LND)), key=quality)


def ranks(
    hidden_ND: torch.Tensor,
    probes: Sequence[Probe],
    embedded: Mapping[str, torch.Tensor],
    fit: Sequence[int],
    test: Sequence[int],
    ridge: float,
) -> list[int]:
    """Rank the right answer of some probes by a map that is fitted on others.

    An answer as near as the right one counts as ahead of it; other right answers don't count.

    Args:
        hidden_ND: states of one layer at each probe's last token.
        probes: the N probes.
        embedded: the output embedding (E,) of each answer.
        fit: indices of the probes to fit.
        test: indices of the probes to rank.
        ridge: as in `linear_probe`.

    Returns:
        The rank for each of `test`; 1 is first.
    """
    state_ND = hidden_ND.clone()
    answer_NE = torch.stack([embedded[probe.answers[0]] for probe in probes])
    means = {}
    for family in {probe.family for probe in probes}:
        members = [i for i, probe in enumerate(probes) if probe.family == family]
        own = [i for i in fit if probes[i].family == family]
        means[family] = answer_NE[own].mean(0)
        state_ND[members] -= state_ND[own].mean(0)
        answer_NE[members] -= means[family]
    # The dual form: as many equations as facts, however wide the model.
    gram_FF = state_ND[fit] @ state_ND[fit].T
    penalty = ridge * gram_FF.diagonal().mean().clamp(min=1e-12)
    solved_FE = torch.linalg.solve(gram_FF + penalty * torch.eye(len(fit)), answer_NE[fit])
    predicted_TE = state_ND[test] @ (state_ND[fit].T @ solved_FE)

    candidates = {
        family: sorted({probe.answers[0] for probe in probes if probe.family == family})
        for family in means
    }
    found = []
    for index, predicted_E in zip(test, predicted_TE, strict=True):
        probe = probes[index]
        answers = candidates[probe.family]
        embedded_CE = torch.stack([embedded[answer] for answer in answers]) - means[probe.family]
        distance_C = (embedded_CE - predicted_E).norm(dim=1).tolist()
        own = distance_C[answers.index(probe.answers[0])]
        wrong = [d for a, d in zip(answers, distance_C, strict=True) if a not in probe.answers]
        found.append(1 + sum(distance <= own for distance in wrong))
    return found


def _chances(tested: Sequence[Probe], probes: Sequence[Probe]) -> dict[str, tuple[float, float]]:
    """By probe id: top-1 and mean reciprocal rank of ranking the family's answers by frequency."""
    by_family = {}
    for family in {probe.family for probe in tested}:
        counts = Counter(probe.answers[0] for probe in probes if probe.family == family)
        shares = [count / counts.total() for _, count in counts.most_common()]
        by_family[family] = (shares[0], sum(s / rank for rank, s in enumerate(shares, start=1)))
    return {probe.id: by_family[probe.family] for probe in tested}

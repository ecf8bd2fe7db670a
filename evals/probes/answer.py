"""What a model says to a probe."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a model said to the probe `id`.

    `correct`: by the rule of the probe's axis. `predicted`: the greedy text in the answer's place
    (by choice, the likeliest one). `logprob`: of the likeliest right answer, in nats.
    `rank`: of the right answer among the choices, or of its worst-placed token in the vocabulary;
    1 is first.
    """

    id: str
    correct: bool
    predicted: str
    logprob: float
    rank: int

"""What is lost of a gradient when only K tokens of a distribution are kept: `python -m tests.bench.tail RUN`.

Of an arm that is still learning (`deduplicated`) beside its run's teacher, on sixteen sequences of the
corpus: the angle and the distance to the gradient of whole distributions, with what is left spread evenly and
as one bucket, which spreads it as the student does.
"""

import sys
from pathlib import Path

import torch
from datasets import load_from_disk
from torch import Tensor

from core.models.loading import load_model
from core.models.taught import taught_hidden, taught_labels, taught_logits
from core.signal.divergence import NAMES, Divergence, TokenLosses, projected_loss
from core.signal.signal import Dense, Distributions, Sparse, TeacherSignal, TopK

KEPT, SEQUENCES = (1, 5, 10, 50), range(1000, 1016)


class Even(Sparse):
    """The rest spread evenly, whatever the student says."""

    def rows(self, part: slice, student_nV: Tensor | None = None) -> Tensor:
        return super().rows(part)


class Bucket(Sparse):
    """The rest spread as the student's, with every divergence."""


def main(run: Path, arm: str = "deduplicated") -> None:
    """A table in Markdown."""
    student, teacher = load_model(run / "arms" / arm).train(), load_model(run / "teacher").eval()
    text = load_from_disk(str(run / "corpus" / "full")).with_format("torch")[list(SEQUENCES)]
    read = text["input_ids"], text["position_ids"], text["labels"]
    labels_N = taught_labels(text["labels"])
    ones_N = torch.ones(len(labels_N))
    with torch.no_grad():
        teacher_NV = taught_logits(teacher, *read).float().log_softmax(-1)

    def gradient(target: Distributions, divergence: Divergence) -> Tensor:
        student.zero_grad()
        losses = TokenLosses(labels_N, TeacherSignal(target, ones_N, 0 * ones_N), divergence)
        projected_loss(taught_hidden(student, *read), student.lm_head, losses).backward()
        return torch.cat([w.grad.flatten() for w in student.parameters() if w.grad is not None])

    print("| divergence | K | even: cosine | distance | bucket: cosine | distance |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, divergence in NAMES.items():
        # Wrapped, so that the reverse KL gets a bucket too.
        def same(q: Tensor, p: Tensor, d: Divergence = divergence) -> tuple[Tensor, Tensor]:
            return d(q, p)

        whole = gradient(Dense(teacher_NV), same)
        for k in KEPT:
            kept, cells = TopK.of(teacher_NV, k), []
            for kind in (Even, Bucket):
                own = gradient(kind(kept, teacher_NV.shape[1]), same)
                cosine = torch.cosine_similarity(own, whole, dim=0).item()
                cells += [f"{cosine:.3f}", f"{(own - whole).norm() / whole.norm():.3f}"]
            print(f"| {name} | {k} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Forgetting in TRL's SFTTrainer: the data, loop and logs are TRL's, the loss and the forgetting ours.

    python examples/trl_trainer.py FOLDER experiment=tiny

Takes teacher, rows and memory map of that run, makes those that aren't there, and writes a core to FOLDER.
TRL comes with `pip install -c constraints.txt -e '.[bench]'`.
"""

import sys

from trl import SFTConfig, SFTTrainer

import winnow
from forgetting.fresh_embeddings import FreshEmbeddings
from forgetting.span_dropout import SpanDropout


class ForgetfulSFT(winnow.ForgettingMixin, SFTTrainer):
    """TRL's trainer, whose student learns from a teacher without its memories."""


if __name__ == "__main__":
    folder, *overrides = sys.argv[1:] or sys.exit(__doc__)
    run = winnow.Run(*overrides)
    run.map()  # and before it the corpus and the teacher
    teacher, tokenizer = run.load("teacher")
    student, _ = run.load("teacher")  # starts as the teacher; fresh embeddings take its names away
    budget = run.cfg.distill.train
    trainer = ForgetfulSFT(
        model=student,
        args=SFTConfig(
            folder,
            max_steps=budget.num_steps,
            per_device_train_batch_size=budget.batch_size,
            learning_rate=budget.learning_rate,
            max_length=run.cfg.packing.sequence_length,  # memories are found by whole rows
            bf16=False,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
        ),
        train_dataset=run.rows(),
        processing_class=tokenizer,
        teacher=teacher,
        memory_map=run.memory(),
        regularizers=[FreshEmbeddings(), SpanDropout()],
    )
    trainer.train()
    trainer.save_model(folder)
    print(f"a core, which transformers loads: {folder}")

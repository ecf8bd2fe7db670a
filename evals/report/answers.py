"""What some of the arms answer to the same prompts, side by side, for the report."""

from collections.abc import Sequence
from html import escape
from itertools import zip_longest
from typing import Any

NUM_ANSWERS = 12
ANSWERING_ARMS = ("teacher", "plain", "core")
MAX_PROMPT = 600  # characters; of a longer one the end is shown, where the question stands

Samples = dict[str, list[dict[str, Any]]]


def answers(samples_by_arm: Samples) -> str:
    """A dozen prompts of all axes, with what the teacher, the plain student and the core answer."""
    arms = [arm for arm in ANSWERING_ARMS if arm in samples_by_arm]
    by_id = {arm: {s["id"]: s for s in samples_by_arm[arm]} for arm in arms}
    cards = []
    for asked in _pick(samples_by_arm[arms[0]]) if arms else []:
        said = [(arm, by_id[arm][asked["id"]]) for arm in arms if asked["id"] in by_id[arm]]
        rows = "".join(
            f'<dt class="arm-{arm}">{arm}</dt>'
            f'<dd class="{"right" if sample["correct"] else "wrong"}">'
            f"{'✓' if sample['correct'] else '✗'} {escape(sample['predicted'])}</dd>"
            for arm, sample in said
        )
        prompt = asked["prompt"]
        prompt = prompt if len(prompt) <= MAX_PROMPT else f"…{prompt[-MAX_PROMPT:]}"
        kind = f"{asked['axis']} · {asked['family']}".replace("_", " ")
        cards.append(
            f'<div class="card"><small>{escape(kind)}</small><p>{escape(prompt)}'
            f' <span class="soft">[{escape(asked["answer"])}]</span></p><dl>{rows}</dl></div>'
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _pick(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A dozen samples: one of each axis in turn, and within an axis one of each family in turn."""
    axes: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for sample in samples:
        axes.setdefault(sample["axis"], {}).setdefault(sample["family"], []).append(sample)
    by_axis = [_in_turn(list(families.values())) for families in axes.values()]
    return _in_turn(by_axis)[:NUM_ANSWERS]


def _in_turn(groups: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [item for turn in zip_longest(*groups) for item in turn if item is not None]

"""The map page's style sheet: ten colours from nothing to memory, in light and dark."""

from forgetting.memory_map.histogram import NUM_BINS

# The colour grows with the square of the score, so that what is flagged stands out from what isn't.
_BINS = "\n".join(
    f".b{n} {{ background: rgb(var(--memory) / calc(var(--most) * {(n / (NUM_BINS - 1)) ** 2:.3f}));"
    + (" box-shadow: inset 0 -2px rgb(var(--memory)); }" if n >= NUM_BINS // 2 else " }")
    for n in range(1, NUM_BINS)
)

CSS = (
    """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d8dee4;
  --paper: #ffffff; --card: #f6f8fa; --memory: 213 94 0; --most: .7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa5b1; --line: #30363d; --paper: #0d1117; --card: #161b22;
    --memory: 255 140 60; --most: .5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--paper);
  color: var(--ink); font: 16px/1.6 system-ui, sans-serif; }
h1 { font-size: clamp(1.4rem, 5vw, 2rem); line-height: 1.2; margin: .5rem 0 1rem; }
header p { max-width: 44rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums;
  width: 100%; max-width: 34rem; margin-bottom: 2rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { padding: .1rem .6rem .1rem 0; font-weight: 400; text-align: right; white-space: nowrap; }
th span { padding: .05rem .4rem; border-radius: .2rem; }
.bar { width: 100%; }
.bar div { height: .7rem; background: var(--soft); border-radius: 0 .2rem .2rem 0; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem 1rem; margin: 0 0 .8rem; break-inside: avoid; }
h2 { font-size: .8rem; font-weight: 600; color: var(--soft); margin: 0 0 .2rem; }
small { font-size: 1em; font-weight: 400; }
article p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.9; }
article p span { border-radius: .2rem; padding: .1rem 0; }
article i { font-style: normal; color: var(--soft); }
@media print { body { max-width: none; font-size: 10pt; } span { print-color-adjust: exact; } }
"""
    + _BINS
)

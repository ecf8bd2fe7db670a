"""The page's style sheet: light and dark, narrow screens and paper."""

CSS = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d8dee4;
  --paper: #ffffff; --card: #f6f8fa; --right: #00704f; --core: #b34700; --core-tint: #fdf0e7;
  --memory: 213, 94, 0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa5b1; --line: #30363d; --paper: #0d1117; --card: #161b22;
    --right: #3fc79a; --core: #ff9d5c; --core-tint: #2b1c12; --memory: 255, 140, 60; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 64rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: clamp(1.5rem, 5vw, 2.2rem); line-height: 1.2; margin: .5rem 0 1rem;
  text-wrap: balance; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p, ul { max-width: 44rem; }
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; }
.soft, caption, figcaption, small { color: var(--soft); }
small { font-size: .8em; white-space: nowrap; }
figure { margin: 1rem 0; }
figure svg { width: 100%; max-width: 38rem; height: auto; display: block; color: var(--ink); }
figure.curves { overflow-x: auto; }
figure.curves svg { max-width: 56rem; min-width: 36rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .35rem .7rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; vertical-align: bottom; }
tbody th, td { vertical-align: baseline; }
thead th { white-space: normal; }
td.said { text-align: left; white-space: normal; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
tr.core > * { background: var(--core-tint); }
tr.core th, .arm-core { color: var(--core); font-weight: 700; }
tr.control > * { background: var(--card); }
tr.chance > * { color: var(--soft); font-style: italic; font-weight: 400; border: 0; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .8rem 1rem; overflow-wrap: anywhere; break-inside: avoid; }
section > .card { margin-bottom: .8rem; }
.card p { margin: .2rem 0 .6rem; white-space: pre-wrap; }
.card dl { display: grid; grid-template-columns: auto 1fr; gap: .15rem .8rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.right { color: var(--right); font-weight: 600; }
.wrong { color: var(--soft); }
.tokens { white-space: pre-wrap; line-height: 1.9; margin: .3rem 0 0; }
.tokens span { border-radius: .2rem; padding: .1rem 0;
  background: rgba(var(--memory), calc(var(--score) * .75)); }
.facts { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .3rem 1rem; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
@media (max-width: 30rem) { th, td { padding: .3rem .45rem; } .facts { display: block; }
  .facts dd { margin-bottom: .5rem; } }
@media print { body { max-width: none; font-size: 10pt; } table { font-size: 8pt; }
  .wide { overflow: visible; } .tokens span, tr.core > * { print-color-adjust: exact; }
  h2, h3 { break-after: avoid; } tr, figure { break-inside: avoid; } }
"""

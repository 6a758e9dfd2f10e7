#!/usr/bin/env python3
"""Makes expected.json: what Jinja2, set up as transformers does it, makes of each conversation with each template beside this script.

    bench/peers python tests/golden/templates/make_goldens.py [--census]

conversations.json holds the inputs ("$TOOLS" stands for TOOLS below). expected.json: for each template what each conversation gives,
in their order: a text, [text, [begin, end, ...]] in bytes where it has {% generation %} spans, or null where rendering raises. The
clock stands at NOW. --census counts what the templates are made of, beside the same counts over 96 templates of real models."""
import collections, datetime, json, pathlib, re, sys
import jinja2.nodes as nodes
from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).resolve().parent
NOW = datetime.datetime(2026, 1, 15, 12, 0, 0)
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Weather at a place.\nAsk for a town.", "parameters": {"type": "object", "properties": {
        "place": {"type": "string", "description": " its name "}, "days": {"type": "integer", "minimum": 1, "default": 1},
        "unit": {"type": "string", "enum": ["°C", "°F"]}}, "required": ["place"]}}},
    {"type": "function", "function": {"name": "add", "description": "Sum <of> \"two\" & more", "parameters": {"type": "object", "properties": {
        "b": {"type": ["number", "null"]}, "a": {"type": "array", "items": {"type": "number"}}, "o": {"type": "object", "additionalProperties": {"type": "boolean"}}},
        "required": ["a", "b"]}, "return": {"type": "number"}}},
    {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}},
]
# Of those that are not <s> and </s>.
TOKENS = {"llama3-headers": ["<|begin_of_text|>", "<|eot_id|>"], "functionary-typescript": ["<|begin_of_text|>", "<|eot_id|>"], "gemma-turns": ["<bos>", "<eos>"],
          "gemma-parts": ["<bos>", "<eos>"], "phi-roles": ["<s>", "<|endoftext|>"], "phi-tools": ["<|endoftext|>", "<|endoftext|>"],
          "deepseek-think": ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"], "deepseek-switch": ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"],
          "command-documents": ["<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>"], "seed-budget": ["<seed:bos>", "<seed:eos>"]}
# Counts over 96 templates of real models, by kind.
FIELD = {
    "statement": dict(For=96, If=96, Assign=80, Macro=30, CallBlock=28, AssignBlock=4, Continue=3, Break=3, FilterBlock=1),
    "expression": dict(CondExpr=27, Neg=34, Slice=42, Tuple=28, List=20, Dict=4, Concat=14, Mod=16, Sub=21, Mul=1, NSRef=53, Add=92, And=67, Or=52, Not=62),
    "compare": dict(eq=94, ne=63, gt=26, lt=6, gteq=1, notin=22, **{"in": 49}),
    "test": dict(string=52, defined=48, none=27, iterable=27, mapping=26, sequence=13, false=8, undefined=6, true=4, boolean=3),
    "filter": dict(tojson=48, length=35, trim=35, string=18, items=15, safe=14, map=13, join=13, selectattr=13, default=11, list=9, lower=7, upper=4, dictsort=3,
                   int=1, indent=1, rejectattr=1, reject=1, unique=1, replace=1, title=1),
    "method": dict(split=28, endswith=14, strip=13, lstrip=12, rstrip=12, startswith=11, items=10, get=6, capitalize=2, upper=1),
    "function": dict(namespace=53, raise_exception=39, strftime_now=6, range=5),
    "loop": dict(index0=52, last=45, first=33, previtem=13, nextitem=13, index=2),
}


class StandingClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return NOW


def render(template, bos, eos, conversation):
    given = {"tools": None, "documents": None, "add_generation_prompt": False, **conversation}
    blocks, spans = [], []
    try:
        with template.environment.activate_tracker(blocks, spans):
            for block in template.generate(bos_token=bos, eos_token=eos, **given): blocks.append(block)
    except Exception:
        return None
    text = "".join(blocks)
    at = [len(text[:i].encode()) for span in spans for i in span]
    return [text, at] if at else text


def census(sources):
    """How many of the templates have each construct."""
    environment = chat_template_utils._compile_jinja_template("").environment
    found = collections.Counter()
    for source in sources:
        tree, has = environment.parse(source), set()
        for n in tree.find_all(nodes.Node):
            kind = type(n).__name__
            has |= {("statement", kind), ("expression", kind)}
            if isinstance(n, nodes.Operand): has.add(("compare", n.op))
            if isinstance(n, nodes.Test): has.add(("test", n.name))
            if isinstance(n, nodes.Filter): has.add(("filter", n.name))
            if isinstance(n, nodes.Call) and isinstance(n.node, nodes.Getattr): has.add(("method", n.node.attr))
            if isinstance(n, nodes.Call) and isinstance(n.node, nodes.Name): has.add(("function", n.node.name))
            if isinstance(n, nodes.Getattr) and isinstance(n.node, nodes.Name) and n.node.name == "loop": has.add(("loop", n.attr))
        found.update(has)
    return found


def main():
    chat_template_utils.datetime = StandingClock
    conversations = json.loads((HERE / "conversations.json").read_text().replace('"$TOOLS"', json.dumps(TOOLS)))
    out, sources = [], []
    for path in sorted(HERE.glob("*.jinja")):
        source = path.read_text()
        bos, eos = TOKENS.get(path.stem, ["<s>", "</s>"])
        template = chat_template_utils._compile_jinja_template(source)
        out.append({"template": path.stem, "bos_token": bos, "eos_token": eos, "given": [render(template, bos, eos, c) for c in conversations.values()]})
        sources.append(source)
    found = census(sources)
    missing = [f"{kind} {name}" for kind, names in FIELD.items() for name in names if not found[kind, name]]
    if missing: sys.exit(f"no template has: {', '.join(missing)}")
    if "--census" in sys.argv:
        for kind, names in FIELD.items():
            print(f"{kind}: " + ", ".join(f"{name} {found[kind, name]} ({n * len(sources) / 96:.0f})" for name, n in names.items()))
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in out)
    tools = json.dumps(TOOLS, ensure_ascii=False)
    text = f'{{"now": "{NOW.isoformat()}", "tools": {tools},\n"templates": [\n{rows}\n]}}\n'
    (HERE / "expected.json").write_text(text)
    all_given = [g for row in out for g in row["given"]]
    print(f"{len(out)} templates, {len(conversations)} conversations: {len(all_given)} renderings, {sum(g is None for g in all_given)} of them refused, "
          f"{sum(isinstance(g, list) for g in all_given)} with spans; {len(text.encode()) / 1000:.0f} kB")


main()

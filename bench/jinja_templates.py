"""Jinja2's side of bench/templates, set up as transformers does it. Takes questions as JSON, one a line: {"file"} compiles a template and
answers which of the conversations it accepts; {"seconds"} renders those over and over and answers with renderings a second of the processor."""
import json
import pathlib
import sys
import time

from transformers.utils import chat_template_utils


def render_all(template, inputs):
    for given in inputs: template.render(bos_token="<s>", eos_token="</s>", **given)


def accepts(template, given):
    try: template.render(bos_token="<s>", eos_token="</s>", **given)
    except Exception: return False
    return True


def main():
    defaults = {"tools": None, "documents": None}
    conversations = [{**defaults, **c} for c in json.loads(pathlib.Path(sys.argv[1]).read_text())]
    template, inputs = None, []
    for line in sys.stdin:
        question = json.loads(line)
        if "file" in question:
            template = chat_template_utils._compile_jinja_template(pathlib.Path(question["file"]).read_text())
            accepted = [i for i, c in enumerate(conversations) if accepts(template, c)]
            inputs = [conversations[i] for i in accepted]
            print(json.dumps({"accepted": accepted}), flush=True)
            continue
        start = now = time.process_time()
        times = 0
        while now < start + question["seconds"]:
            render_all(template, inputs)
            now = time.process_time()
            times += 1
        print(json.dumps({"renderings_per_s": times * len(inputs) / (now - start)}), flush=True)


main()

"""Exact counts of every class from the models transformers builds on the meta device: `python truth.py OUT [TYPE …]`.

One JSON object a line: class, the keys a file would give (all else is left to the class), and the number of unique
parameters, a tied matrix once. Three configurations a class: nothing but its type, and two with other values. The
script shares with `derive.py` how a small configuration is found, not what is made of it.
"""

import json
import pathlib
import random
import sys

import transformers
from transformers import PreTrainedConfig

import derive
from variants import Slow, Space, build, limited


def count(model_class, kwargs):
    config = model_class.config_class(**json.loads(json.dumps(kwargs)))
    model = limited(60, build, model_class, config)
    seen = {}
    for parameter in model.parameters():
        seen[id(parameter)] = parameter.numel()
    return sum(seen.values())


def rows(name):
    """Of one class."""
    found = []
    try:
        model_class = getattr(transformers, name)
        config_class = model_class.config_class
        said = {"architectures": [name], "model_type": config_class.model_type}
        space = Space(config_class, lambda config: build(model_class, config))
        rng = random.Random(f"truth of {name}")
        variants = [("default", space.given())]
        space.settle(rng)
        variants += [("a", space.variant(rng)), ("b", space.variant(rng))]
    except (Slow, Exception) as error:
        return [{"class": name, "not_built": repr(error)[:120]}]
    for label, kwargs in variants:
        try:
            total = count(model_class, kwargs)
            labels = kwargs.pop("num_labels", None)
            if labels:
                kwargs["id2label"] = {str(n): f"LABEL_{n}" for n in range(labels)}
            found.append({"class": name, "variant": label, "config": {**said, **kwargs}, "total": total})
        except (Slow, Exception) as error:
            found.append({"class": name, "variant": label, "not_built": repr(error)[:120]})
    return found


def classes(wanted):
    found = derive.roots(wanted)
    names = [name for names in found.values() for name in names]
    for model_type in found:
        prefix = next((n.removesuffix("Model") for n in found[model_type] if n.endswith("Model")), None)
        for ending in ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"):
            if prefix and derive.is_generic(prefix + ending):
                names.append(prefix + ending)
    return list(dict.fromkeys(names))


def main():
    out, wanted = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
    known = set()
    if out.exists():
        known = {json.loads(line)["class"] for line in out.read_text().splitlines()}
    todo = [name for name in classes(wanted) if name not in known]
    with out.open("a") as file:
        for found in map(rows, todo):
            for row in found:
                file.write(json.dumps(row) + "\n")
            file.flush()


if __name__ == "__main__":
    main()

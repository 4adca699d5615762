"""Writes the names of the configuration keys that an engine's release knows, one a line, read off its source.

    pip download --no-deps -d wheels axolotl==0.19.0 llamafactory==0.9.5 trl==1.16.0 transformers==5.24.0 \
        peft==0.21.2 accelerate==1.15.0 mlx-lm==0.32.2 torchtune==0.6.1 ms-swift==4.6.0
    pip download --no-deps --python-version 3.12 --only-binary=:all: -d wheels axolotl==0.21.0
    python3 tools/engines/keys.py wheels assets/engines/names

Nothing of an engine is imported or run: annotated fields of its configuration classes are read from the syntax tree.
DeepSpeed's names are written by hand from its documentation (its archive holds no wheel).
"""

import ast
import re
import sys
import zipfile
from pathlib import Path

# Engine -> packages of the release, and which of their files hold configuration classes.
SOURCES = {
    "axolotl-0.21.0": [("axolotl-0.21.0", r"axolotl/(utils/schemas/.*|integrations/.*/args)\.py$")],
    "axolotl-0.19.0": [("axolotl-0.19.0", r"axolotl/(utils/schemas/.*|integrations/.*/args)\.py$")],
    "llama-factory-0.9.5": [
        ("llamafactory-0.9.5", r"llamafactory/(hparams|v1/config)/.*\.py$"),
        ("transformers-5.24.0", r"transformers/(training_args|training_args_seq2seq)\.py$"),
    ],
    "trl-1.16.0": [
        ("trl-1.16.0", r"trl/(trainer/.*_config|trainer/base_config|trainer/model_config|scripts/utils|experimental/.*_config)\.py$"),
        ("transformers-5.24.0", r"transformers/training_args\.py$"),
    ],
    "peft-0.21.2": [("peft-0.21.2", r"peft/(config|tuners/.*config)\.py$")],
    "accelerate-1.15.0": [
        ("accelerate-1.15.0", r"accelerate/(commands/config/config_args|utils/dataclasses|parallelism_config)\.py$"),
    ],
    "ms-swift-4.6.0": [("ms_swift-4.6.0", r"swift/.*(args|arguments|argument).*\.py$"),
                       ("transformers-5.24.0", r"transformers/training_args\.py$")],
    "torchtune-0.6.1": [("torchtune-0.6.1", r"(recipes|torchtune/_cli|torchtune/models|torchtune/modules)/.*\.(py|yaml)$")],
    "mlx-lm-0.32.2": [("mlx_lm-0.32.2", r"mlx_lm/(lora|tuner/.*)\.py$")],
}


def fields(tree):
    """Annotated names of classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    yield item.target.id


def strings_as_keys(tree):
    """Keys of dictionaries, `config.x`, `cfg.get("x")`, command-line options, parameters of builders."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("cfg", "args"):
            yield node.attr
        elif isinstance(node, ast.Call):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    name = getattr(node.func, "attr", "")
                    if name in ("get", "pop"):
                        yield argument.value
                    elif name == "add_argument":
                        yield argument.value.lstrip("-").replace("-", "_")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for argument in node.args.args + node.args.kwonlyargs:
                yield argument.arg


def names(archive, pattern, loose):
    with zipfile.ZipFile(archive) as package:
        for path in package.namelist():
            if not re.search(pattern, path):
                continue
            text = package.read(path).decode("utf-8", "replace")
            if path.endswith(".yaml"):
                yield from re.findall(r"^ *([A-Za-z_]\w*):", text, re.M)
                continue
            tree = ast.parse(text)
            yield from fields(tree)
            if loose:
                yield from strings_as_keys(tree)


def main(wheels, out):
    for name, sources in SOURCES.items():
        found = set()
        for package, pattern in sources:
            archive = next(Path(wheels).glob(package + "-*.whl"))
            loose = name.startswith(("torchtune", "mlx", "accelerate"))
            found.update(names(archive, pattern, loose))
        found = sorted(key for key in found if re.fullmatch(r"_?[A-Za-z]\w*", key) and key not in ("self", "cls"))
        Path(out, name + ".txt").write_text("\n".join(found) + "\n")
        print(name, len(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Makes the files of `assets/classes` from what `derive.py` found: `python write.py STORE FOLDER`.

A file that begins with `// By hand` is left as it is. `hand.py` has what no tool can see.
"""

import copy
import hashlib
import importlib
import inspect
import json
import pathlib
import pickle
import random
import re
import sys

import transformers
from transformers import PreTrainedConfig
from transformers.models.auto import modeling_auto
from transformers.modeling_layers import (
    GenericForQuestionAnswering,
    GenericForSequenceClassification,
    GenericForTokenClassification,
)

from derive import find
from hand import HAND, LIKE
from keys import FAILED, Rules, literal
from learn import keys_of
from symbols import text
from variants import IDLE, Space, fields, flat, merged, usual

# Keys that facts and the reader ask for, where a class has them.
ALWAYS = """hidden_size num_attention_heads num_key_value_heads head_dim num_hidden_layers layer_types sliding_window hidden_act
hidden_activation activation_function max_position_embeddings num_experts_per_tok vocab_size tie_word_embeddings intermediate_size
num_heads moe_top_k top_k_experts moe_k spatial_merge_size""".split()
IDLE_WORDS = re.compile(r"act(ivation)?(_fn|_function)?$|type$|implementation|dtype|mode$|method$|norm_eps|scal|init|theta|image_size|"
                        r"pretraining_tp|multiplier|softcap|bias_init|cache|rescale|normalize|capping|chunk|backend|prob|temperature|"
                        r"n_group$|topk_group|norm_topk|position_embedding|layerdrop|rope|summary_|scale_|problem|_loss|output_|gradient|"
                        r"use_mamba_kernels|kernel|_idx$|_index$|id$|seq_length|sample|threshold|weight$|pooler|strategy|return")


# Types with rows in the table of exact counts that are not exact.
LIST = pathlib.Path(__file__).parent / "unchecked.txt"
UNCHECKED = LIST.read_text().split() if LIST.exists() else []


def load(store):
    """Model type → class → what was found."""
    found = {}
    for file in sorted(pathlib.Path(store).glob("*.pickle")):
        one = pickle.loads(file.read_bytes())
        if "items" in one:
            found.setdefault(one["model_type"], {})[file.stem] = one
    return found


def config_of(classes):
    one = next(iter(classes.values()))
    config = getattr(transformers, one["config"], None)
    return config or (getattr(transformers, one["name"], None) or find(one["name"])).config_class


def prefix_of(config_class, classes):
    prefix = config_class.__name__.removesuffix("Config")
    if any(name.startswith(prefix) for name in classes):
        return prefix
    words = [name.split("(")[0] for name in classes]
    common = words[0]
    for word in words:
        while not word.startswith(common):
            common = common[:-1]
    return common.split("For")[0].removesuffix("Model")


def short(name, prefix):
    rest = name.removeprefix(prefix) if prefix else name
    return rest or name


class Type:
    def __init__(self, model_type, classes, all_prefixes, asked):
        self.asked = asked
        self.model_type, self.classes = model_type, classes
        self.config_class = config_of(classes)
        self.prefix = all_prefixes[model_type]
        self.prefixes = all_prefixes
        base = modeling_auto.MODEL_MAPPING_NAMES.get(model_type)
        base = base if isinstance(base, str) else (base or [None])[0]
        self.base = short(base, self.prefix) if base else None
        self.models = {}
        for label, one in classes.items():
            self.models[short(label, self.prefix)] = self.nested(one)
        if base:
            self.generic(base)
        self.parts = self.part_types()
        self.without = self.part_defaults()
        self.set = part_settings(self.config_class, self.parts)
        self.keys()

    def nested(self, one):
        """Items within their loops; conditions that many share stand around them."""
        root = []
        for kind, template, leaf, conditions in one["items"]:
            place, name, at = root, template, template.find("{}")
            while at >= 0:
                loop = name[:at].rstrip(".")
                full = template[: len(template) - len(name) + at]
                entry = next((e for e in place if e[0] == "loop" and e[1] == loop), None)
                if entry is None:
                    entry = ("loop", loop, text(one["counts"][full]), [])
                    place.append(entry)
                place, name = entry[3], name[at + 3 :]
                at = name.find("{}")
            words = " and ".join(text(c, 3) for c in conditions)
            if kind == "tensor":
                item = ("Tensor", name, ", ".join(text(a) for a in leaf))
            elif kind == "part":
                model, path, kwargs = leaf
                label = model + ("" if not kwargs else "(" + ", ".join(f"{k}={v}" for k, v in kwargs) + ")")
                if not model.startswith("Auto"):
                    label = short(label, self.prefix_at(path))
                item = ("Part", name, label, path)
            else:
                if re.search(r"\.\d+\.", name):
                    raise ValueError(f"{name} is shared within a list")
                item = ("Without", name)
            place.append(("item", words, item))
        return self.grouped(root)

    def grouped(self, place):
        found, by_condition = [], {}
        for entry in place:
            if entry[0] == "loop":
                found.append(("Loop", entry[1], entry[2], self.grouped(entry[3])))
            elif not entry[1]:
                found.append(entry[2])
            else:
                if entry[1] not in by_condition:
                    by_condition[entry[1]] = ("When", entry[1], [])
                    found.append(by_condition[entry[1]])
                by_condition[entry[1]][2].append(entry[2])
        # What is taken out must be there before.
        return sorted(found, key=lambda item: "Without" in (item[0], item[2][0][0] if item[0] == "When" else ""))

    def prefix_at(self, path):
        if not path:
            return self.prefix
        config = self.config_class()
        for step in path.split("."):
            config = getattr(config, step)
        return self.prefixes.get(config.model_type, "")

    def generic(self, base):
        model_class = getattr(transformers, base, None)
        prefix = getattr(model_class, "base_model_prefix", "model")
        whole = ("Part", prefix, self.base, "")
        width = text_path(self.config_class) + "hidden_size"
        for kind, ending, items in (
            (GenericForSequenceClassification, "ForSequenceClassification", [("Tensor", "score.weight", f"num_labels, {width}")]),
            (GenericForTokenClassification, "ForTokenClassification",
             [("Tensor", "score.weight", f"num_labels, {width}"), ("Tensor", "score.bias", "num_labels")]),
            (GenericForQuestionAnswering, "ForQuestionAnswering",
             [("Tensor", "qa_outputs.weight", "2, hidden_size"), ("Tensor", "qa_outputs.bias", "2")]),
        ):
            found = getattr(transformers, self.prefix + ending, None)
            if found is not None and issubclass(found, kind) and self.base in self.models:
                self.models.setdefault(ending, [whole] + items)

    def part_types(self):
        found = {}
        named = {**(getattr(self.config_class, "sub_configs", None) or {}), **(getattr(self.config_class, "sub_configs_defaults", None) or {})}
        for name, spec in named.items():
            try:
                sub = getattr(self.config_class(), name)
            except Exception:
                continue
            if not isinstance(sub, PreTrainedConfig):
                continue
            kept = getattr(spec, "config_class", spec)
            fixed = isinstance(kept, type) and issubclass(kept, PreTrainedConfig)
            kind = "Always" if fixed else "Usually"
            try:
                flat = getattr(self.config_class(hidden_size=1234, num_hidden_layers=3), name)
                if getattr(flat, "hidden_size", None) == 1234:
                    kind = "Flat"
            except Exception:
                pass
            found[name] = (kind, sub.model_type)
        return found

    def part_defaults(self):
        """What a class gives the configurations within where a file has none."""
        found = {}
        for name, spec in (getattr(self.config_class, "sub_configs_defaults", {}) or {}).items():
            given = {k: v for k, v in (spec.init_kwargs or {}).items() if not IDLE.search(k) or k in ("num_labels", "model_type")}
            given = {k: v for k, v in given.items() if v is None or isinstance(v, (bool, int, float, str, list, tuple, dict))}
            if set(given) - {"model_type"}:
                found[name] = json.dumps(given)
        return found

    def keys(self):
        own = set(fields(self.config_class)) | set(getattr(self.config_class, "attribute_map", {}).values())
        stated = {f for f in getattr(self.config_class, "__dataclass_fields__", {})}
        renamed = getattr(self.config_class, "attribute_map", {}) or {}
        tables = HAND.get(self.model_type, {}).values()
        by_hand = set(re.findall(r"[a-z_][a-z0-9_]+", " ".join(w for table in tables for w in table.values())))
        wanted = {renamed.get(k, k) for k in set(ALWAYS) | by_hand}
        needed = {k for k in wanted if k in stated} | self.asked
        for one in self.classes.values():
            for kind, _, leaf, conditions in one["items"]:
                for ast in (list(leaf) if kind == "tensor" else []) + list(conditions):
                    needed |= {k for k in keys_of(ast) if "." not in k}
            for ast in one["counts"].values():
                needed |= {k for k in keys_of(ast) if "." not in k}
        needed.discard("num_labels")
        self.absent, self.null, self.given, self.failed = {}, {}, {}, {}
        done = set()
        for _ in range(3):
            rules = Rules(self.config_class, needed)
            more = set()
            for rule in rules.rules.values():
                for ast in rule.values():
                    if ast is not FAILED:
                        more |= {k for k in keys_of(ast) if "." not in k}
            if more <= needed:
                break
            needed |= more
        for key, rule in rules.rules.items():
            for state, ast in rule.items():
                if ast is FAILED:
                    self.failed[f"{key} {state}"] = rules.failed.get(f"{key} {state}")
                elif not (state == "absent" and ast is None):
                    getattr(self, state)[key] = text(ast)
        self.complete_parts()
        self.names = {k: v for k, v in rules.names.items() if "." not in v and k != v}
        self.fixed = {}
        values = [one["values"] for one in self.classes.values()]
        for key in set.intersection(*(set(v) for v in values)) if values else ():
            value = values[0][key]
            if IDLE_WORDS.search(key) or IDLE.search(key) or not all(v[key] == value for v in values):
                continue
            if type(value) is bool:
                self.fixed[key] = text(value)
        rope = getattr(self.config_class(), "rope_parameters", None) or {}
        share = rope.get("partial_rotary_factor") if isinstance(rope, dict) else None
        self.facts = {} if share is None else {"usual_rotary_share": repr(float(share))}

    def complete_parts(self):
        """Defaults of keys of parts that have no description of their own."""
        asts = [a for one in self.classes.values() for kind, _, leaf, conditions in one["items"] for a in (list(leaf) if kind == "tensor" else []) + list(conditions)]
        asts += [a for one in self.classes.values() for a in one["counts"].values()]
        config = self.config_class()
        for key in sorted({k for a in asts for k in keys_of(a) if k.count(".") == 1}):
            part, last = key.split(".")
            if part not in self.parts or self.parts[part][1] and self.parts[part][1] in self.prefixes:
                continue
            value = usual(getattr(config, part), last)
            if value is not None and not isinstance(value, (dict, PreTrainedConfig)):
                self.absent[key] = text(literal(value) if isinstance(value, (list, tuple)) else value)

    def merge_hand(self):
        for table, entries in HAND.get(self.model_type, {}).items():
            if table == "facts":
                self.facts = {**self.facts, **entries}
            else:
                getattr(self, table).update(entries)

    facts = {}


def numbers(config, path=""):
    """Every number and truth value of a configuration and those within, by its path."""
    for name, value in config.__dict__.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, PreTrainedConfig):
            yield from numbers(value, key)
        elif isinstance(value, (bool, int)) and not name.startswith("_"):
            yield key, value


def part_settings(config_class, parts):
    """Keys of the configurations within that the class around decides: path → the path they are taken from."""
    rng, differing, samples = random.Random(3), set(), []
    if not parts:
        return {}
    space = Space(config_class, lambda config: None)
    for _ in range(60):
        kwargs = merged(space.given(), flat(changes := space.proposal(rng, rich=True)), changes)
        try:
            config = config_class(**copy.deepcopy(kwargs))
            alone = {n: type(getattr(config, n))(**copy.deepcopy(kwargs.get(n, {}))) for n in parts if n in kwargs}
        except Exception:
            continue
        found = dict(numbers(config))
        for part, inner in alone.items():
            for key, value in numbers(inner):
                path = f"{part}.{key}"
                if found.get(path) != value and not IDLE.search(key.split(".")[-1]) and key.count(".") == 0:
                    differing.add(path)
        samples.append(found)
        if len(samples) == 14:
            break
    settings = {}
    for path in sorted(differing):
        stored = [p for p in samples[0] if p not in differing and all(s.get(p) == s.get(path) for s in samples)]
        own = path.rsplit(".", 1)[0] + "."
        stored = sorted((p for p in stored if not p.startswith(own)), key=lambda p: ("hidden_size" not in p, len(p), p))
        if stored:
            settings[path] = stored[0]
        elif len({s.get(path) for s in samples}) == 1:
            settings[path] = text(samples[0].get(path))
        else:
            print(f"{config_class.__name__}: what {path} is set to is not known")
    return settings


def text_path(config_class):
    """What leads to the configuration of the language model."""
    try:
        config = config_class()
        text_config = config.get_text_config()
        return next((f"{name}." for name, value in config.__dict__.items() if value is text_config), "")
    except Exception:
        return ""


def quoted(word):
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def items_text(items, depth):
    pad, lines = "    " * depth, []
    for item in items:
        if item[0] in ("Loop", "When"):
            head = ", ".join(quoted(w) for w in item[1:-1])
            lines.append(f"{pad}{item[0]}({head}, [\n{items_text(item[-1], depth + 1)}{pad}]),\n")
        else:
            lines.append(f"{pad}{item[0]}({', '.join(quoted(w) for w in item[1:])}),\n")
    return "".join(lines)


def table_text(name, table):
    if not table:
        return ""
    lines = "".join(f"        {quoted(k)}: {v if isinstance(v, Raw) else quoted(v)},\n" for k, v in sorted(table.items()))
    return f"    {name}: {{\n{lines}    }},\n"


class Raw(str):
    pass


def file_text(t, like):
    head = f"// {t.config_class.__name__} and its classes in transformers {transformers.__version__}; made by tools/classes.\n(\n"
    if like:
        head += f"    like: Some({quoted(like.model_type)}),\n"
    head += f"    prefix: {quoted(t.prefix)},\n"
    if t.base and t.base != (like.base if like else "Model"):
        head += f"    base: Some({quoted(t.base)}),\n"
    for name in ("names", "absent", "null", "given", "set", "fixed", "facts"):
        table, known = getattr(t, name), getattr(like, name) if like else {}
        head += table_text(name, {k: v for k, v in table.items() if known.get(k) != v})
    parts = {k: Raw(f"{kind}({quoted(m)})") for k, (kind, m) in t.parts.items() if not like or like.parts.get(k) != (kind, m)}
    head += table_text("parts", parts)
    head += table_text("without", {k: v for k, v in t.without.items() if not like or like.without.get(k) != v})
    models = {k: v for k, v in t.models.items() if not like or like.models.get(k) != v}
    if models:
        order = sorted(models, key=lambda k: (k != t.base, k))
        head += "    models: {\n" + "".join(
            f"        {quoted(k)}: [\n{items_text(models[k], 3)}        ],\n" for k in order
        ) + "    },\n"
    return head + ")\n"


HEAD = "hidden_size // num_attention_heads"


def declare_head_dim(t):
    """Where the code reads a `head_dim` that the class does not declare, it is a key like the declared ones."""
    module = sys.modules.get(t.config_class.__module__.replace("configuration_", "modeling_"))
    try:
        module = module or importlib.import_module(t.config_class.__module__.replace("configuration_", "modeling_"))
        source = inspect.getsource(module)
    except Exception:
        return
    if 'self.head_dim = getattr(config, "head_dim"' not in source or t.absent.get("head_dim"):
        return
    t.models = {k: once([inner for item in v for inner in with_head_dim(item)]) for k, v in t.models.items()}
    t.absent = {**t.absent, "head_dim": HEAD}
    t.null = {**t.null, "head_dim": HEAD}


def once(items):
    """Each tensor once, where both sides of a condition have become the same; of two sizes that of `head_dim` stands."""
    best = {}

    def look(items, around):
        for item in items:
            if item[0] in ("Loop", "When"):
                look(item[-1], (*around, item[1]))
            elif "head_dim" in item[2] or (around, item[:2]) not in best:
                best[around, item[:2]] = item

    def kept(items, around):
        found = []
        for item in items:
            if item[0] in ("Loop", "When"):
                if inner := kept(item[-1], (*around, item[1])):
                    found.append((*item[:-1], inner))
            elif item[0] != "Tensor":
                found.append(item)
            elif (best_one := best.pop((around, item[:2]), None)) is not None:
                found.append(best_one)
        return found

    def tensors(items):
        return [(*i[:-1], tensors(i[-1])) if i[0] in ("Loop", "When") else i for i in items if i[0] in ("Loop", "When", "Tensor")]

    look(tensors(items), ())
    return kept(items, ())


def with_head_dim(item):
    if item[0] == "When" and item[1] == "head_dim == null":
        return []
    if item[0] in ("Loop", "When"):
        inner = [x for part in item[-1] for x in with_head_dim(part)]
        conditions = [c for c in item[1].split(" and ") if not c.startswith("head_dim ")] if item[0] == "When" else []
        if item[0] == "When" and "head_dim == null" in item[1].split(" and "):
            return []
        if item[0] == "When":
            return [("When", " and ".join(conditions), inner)] if conditions else inner
        return [(*item[:-1], inner)]
    if item[0] != "Tensor":
        return [item]
    name, shape = item[1], item[2]
    full = "num_attention_heads * head_dim"
    whole = {
        "self_attn.q_proj.weight": ("hidden_size, hidden_size", f"{full}, hidden_size"),
        "self_attn.o_proj.weight": ("hidden_size, hidden_size", f"hidden_size, {full}"),
        "self_attn.q_proj.bias": ("hidden_size", full),
        "self_attn.k_proj.bias": ("head_dim", "num_key_value_heads * head_dim"),
        "self_attn.v_proj.bias": ("head_dim", "num_key_value_heads * head_dim"),
    }
    if name in whole and whole[name][0] == shape:
        shape = whole[name][1]
    return [("Tensor", name, shape.replace(f"({HEAD})", "head_dim").replace(HEAD, "head_dim"))]


def can_be_like(t, s):
    tables = ("names", "absent", "null", "given", "set", "fixed", "facts", "parts", "without")
    return all(set(getattr(s, n)) <= set(getattr(t, n)) for n in tables)


def saved(t, s):
    same = [k for k in t.models if s.models.get(k) == t.models[k]]
    return sum(len(items_text(t.models[k], 3)) for k in same)


def hash_of(one):
    return hashlib.sha256(repr((one["items"], one["counts"])).encode()).hexdigest()


def asked_of_others(found):
    """Model type → keys that classes around it ask of it."""
    asked = {}
    for classes in found.values():
        keys = set()
        for one in classes.values():
            asts = [a for kind, _, leaf, conditions in one["items"] for a in (list(leaf) if kind == "tensor" else []) + list(conditions)]
            for ast in asts + list(one["counts"].values()):
                keys |= {k for k in keys_of(ast) if "." in k}
        if not keys:
            continue
        try:
            config = config_of(classes)()
        except Exception:
            continue
        for key in keys:
            *path, last = key.split(".")
            try:
                inner = config
                for step in path:
                    inner = getattr(inner, step)
                asked.setdefault(inner.model_type, set()).add(last)
            except Exception:
                continue
    return asked


def main():
    store, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    wanted = set(sys.argv[3:])
    found = load(store)
    prefixes = {}
    for model_type, classes in found.items():
        prefixes[model_type] = prefix_of(config_of(classes), classes)
    asked = asked_of_others(found)
    types = {}
    cache = pathlib.Path(store) / "types"
    cache.mkdir(exist_ok=True)
    for model_type, classes in found.items():
        if not model_type or wanted and model_type not in wanted:
            continue
        file = cache / f"{model_type}.pickle"
        stamp = (sorted((n, hash_of(c)) for n, c in classes.items()), prefixes[model_type], sorted(asked.get(model_type, ())))
        if file.exists() and (kept := pickle.loads(file.read_bytes()))[0] == stamp:
            types[model_type] = kept[1]
        else:
            try:
                types[model_type] = Type(model_type, classes, prefixes, asked.get(model_type, set()))
            except Exception as error:
                print(f"{model_type}: {error!r}")
                continue
            t = types[model_type]
            if t.failed:
                print(f"{model_type}: no rule for {t.failed}")
            t.prefixes = {}
            file.write_bytes(pickle.dumps((stamp, t)))
        declare_head_dim(types[model_type])
        types[model_type].merge_hand()
        if model_type in UNCHECKED:
            types[model_type].facts = {**types[model_type].facts, "unchecked": "true"}
    folder.mkdir(exist_ok=True, parents=True)
    written = {}
    ranked = sorted(types, key=lambda m: (LIKE.index(m) if m in LIKE else len(LIKE), m))
    for model_type in ranked:
        t = types[model_type]
        near = [s for s in written.values() if can_be_like(t, s)]
        like = max(near, key=lambda s: saved(t, s), default=None)
        if like is not None and saved(t, like) < 400:
            like = None
        if like is None:
            written[model_type] = t
        file = folder / f"{model_type}.ron"
        if not (file.exists() and file.read_text().startswith("// By hand")):
            file.write_text(file_text(t, like))
    print(len(types), "types")


if __name__ == "__main__":
    main()

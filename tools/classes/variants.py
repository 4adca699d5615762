"""Small configurations of a class, each with other values, so that what a key does can be told from what it does not.

A value the class will not build with is left out, key by key.
"""

import copy
import dataclasses
import random
import re
import signal
import types
import typing

import huggingface_hub.dataclasses
import timm
import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedModel

import symbols

# Keys that change no parameter.
IDLE = re.compile(
    r"(^|_)(bos|eos|pad|sep|cls|unk|mask|token)_token|token_id|_token_index|eps(ilon)?$|_std$|initializer|dropout|use_cache|"
    r"^(id2label|label2id|problem_type|architectures|dtype|torch_dtype|return_dict|output_\w+|name_or_path|"
    r"transformers_version|chunk_size_feed_forward|is_encoder_decoder|use_return_dict|_\w+|tie_encoder_decoder|"
    r"rope_parameters|rope_scaling|rope_theta|num_labels|finetuning_task|task_specific_params|model_type)$|"
    r"attn_implementation|time_step_limit|loss|_coef|label_smoothing|^mtp_|num_nextn|_range$|^tokenizer_class$|^prefix$"
)
LAYERS = re.compile(r"(^|_)(n_layers?|num_layers|num_hidden_layers|depth|layers|num_\w*layers|num_\w*blocks|n_blocks)$")
GROUPS = [
    ("vocab", re.compile(r"vocab_size|num_embeddings$|num_text_tokens")),
    ("kv", re.compile(r"(num_)?(key_value|kv)_heads|n_head_kv|num_global_key_value_heads")),
    ("heads", re.compile(r"(^|_)(num_attention_heads|num_heads|n_heads?|attention_heads|\w*_attention_heads)$")),
    ("head_dim", re.compile(r"head_dim|d_kv|attention_head_size|d_head|head_size")),
    ("hidden", re.compile(r"(^|_)(hidden_size|d_model|n_embd|embed_dim|hidden_dim|width|dim|embedding_size|n_embed)$")),
    ("inner", re.compile(r"intermediate_size|ffn|d_ff|n_inner|mlp_dim|intermediate_dim|mlp_hidden")),
    ("experts", re.compile(r"(num_|n_)(local_|routed_)?experts$|moe_num_experts")),
    ("per_tok", re.compile(r"per_tok|top_k|topk|moe_k$|num_selected")),
    ("positions", re.compile(r"max_position|n_positions|n_ctx|max_\w*_positions|max_seq|max_length")),
]


# What some classes must be given to be built at all.
ROPE = {"rope_type": "default", "rope_theta": 10000.0}
GIVEN = {
    "ChameleonConfig": {"vocabulary_map": {"<image>": 3}},
    "Emu3Config": {"vocabulary_map": {"<image>": 3, "<|extra_200|>": 4}},
    "CohereCompassTextConfig": {"rope_parameters": {"full_attention": ROPE, "sliding_attention": ROPE}},
    "DbrxAttentionConfig": {"rope_theta": 10000.0},
    "DeepseekOcr2TextConfig": {"num_hidden_layers": 3, "mlp_layer_types": ["dense", "sparse", "sparse"]},
    "Gemma4AssistantConfig": {"text_config": {"model_type": "gemma4_text", "hidden_size_per_layer_input": 0}},
    "DiffusionGemmaTextConfig": {"num_experts": 8, "top_k_experts": 2, "moe_intermediate_size": 64},
    "HunYuanDenseV1Config": {"head_dim": 24},
    "HunYuanMoEV1Config": {"head_dim": 24},
    "HunYuanVLTextConfig": {"head_dim": 24},
    "Mamba2Config": {"hidden_size": 192, "num_heads": 16, "head_dim": 24, "num_hidden_layers": 4},
    "Granite4VisionConfig": {"deepstack_layer_map": [[-2, 2], [-1, 3]], "downsample_rate": "4/8"},
    "Lfm2MoeConfig": {"num_hidden_layers": 4, "layer_types": ["conv", "full_attention", "conv", "conv"]},
}
# Words of lists that neither a default nor a comparison tells.
GATED = {"feed_forward_proj": {"relu", "gated-gelu"}}
WORDS = {name + "Config": GATED for name in ("T5", "MT5", "UMT5", "LongT5", "SwitchTransformers", "Pop2Piano")}
WORDS |= {"DeepseekOcr2TextConfig": {"mlp_layer_types[]": {"dense", "sparse"}}}
WORDS |= {"LagunaConfig": {"gating": {"per-head", "per-element"}}}
WORDS |= {"Lfm2MoeConfig": {"layer_types[]": {"conv", "full_attention"}}}


def flat(changes, path=()):
    """Paths and values; `model_type` goes with what stands beside it."""
    for name, value in changes.items():
        if isinstance(value, dict) and value.get("model_type"):
            yield from flat({k: v for k, v in value.items() if k != "model_type"}, (*path, name))
        else:
            yield (*path, name), value


def merged(start, items, changes):
    found = copy.deepcopy(start)
    for path, value in items:
        place, source = found, changes
        for step in path[:-1]:
            source = source[step]
            place = place.setdefault(step, {"model_type": source["model_type"]})
        place[path[-1]] = copy.deepcopy(value)
    return found


def without(changes, given):
    """The changes of keys that are not given."""
    return {
        k: without(v, given[k]) if isinstance(v, dict) and isinstance(given.get(k), dict) else v
        for k, v in changes.items()
        if k not in given or isinstance(v, dict) or k == "model_type"
    }


class Slow(Exception):
    pass


def limited(seconds, function, *args):
    def stop(*_):
        raise Slow()

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return function(*args)
    finally:
        signal.alarm(0)


def allows(hint, kind):
    if isinstance(hint, str):
        return kind.__name__.replace("NoneType", "None") in re.split(r"[^A-Za-z]+", hint)
    if hint is kind:
        return True
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(allows(h, kind) for h in typing.get_args(hint))
    if kind is list:
        return typing.get_origin(hint) in (list, tuple) or hint in (list, tuple)
    return False


def fields(config_class):
    """Key → type, of the keys that may matter."""
    if not dataclasses.is_dataclass(config_class):
        return {}
    subs = getattr(config_class, "sub_configs_defaults", {}) or {}
    known = {f.name: f.type for f in dataclasses.fields(config_class)}
    return {n: h for n, h in known.items() if (not IDLE.search(n) or n == "_remove_final_layer_norm") and n not in subs}


def small(name, default, rng, rich):
    """A small value for a key, by its name."""
    if name == "num_kv_shared_layers":
        return rng.choice([0, 1, 2, 2]) if rich else 0
    if LAYERS.search(name):
        return rng.choice([3, 4, 5, 6, 7])
    group = next((g for g, pattern in GROUPS if pattern.search(name)), None)
    if group == "vocab":
        return rng.randrange(200, 420)
    if group == "kv":
        return rng.choice([1, 2]) if rich else 2
    if group == "heads":
        return rng.choice([4, 6, 8, 12]) if rich else 4
    if group == "head_dim":
        return rng.choice([16, 24, 32, 40, 48]) if rich else 24
    if group == "hidden":
        return rng.choice([96, 144, 192, 240, 288, 336]) if rich else 192
    if group == "inner":
        return rng.randrange(8, 60) * 8
    if group == "experts":
        return rng.choice([4, 6, 8, 12]) if rich else 8
    if group == "per_tok":
        return 2
    if group == "positions":
        return rng.randrange(60, 200)
    if not isinstance(default, int) or isinstance(default, bool):
        return default
    if not rich:
        return default if default <= 512 else 256
    if default <= 1:
        return rng.choice([default, default + 1, default + 2])
    if default <= 16:
        return rng.choice([default, default + 1, default * 2, max(1, default // 2), default + 2])
    return rng.choice([default, max(8, default // 2), default * 2, default + 16]) if default <= 512 else rng.choice([128, 256, 320])


class Space:
    """The configurations of one class; `build(config)` says whether a model can be made."""

    def __init__(self, config_class, build, depth=0):
        self.config_class, self.build, self.depth = config_class, build, depth
        self.fields = fields(config_class)
        self.words = {k: set(v) for k, v in WORDS.get(config_class.__name__, {}).items()}  # key → words seen
        self.frozen, self.fill = set(), False
        self.extra = set()
        self.hot = {}  # key → numbers the code compares it with
        self.subs = {}
        self.base = {}
        self.default = config_class(**copy.deepcopy(GIVEN.get(config_class.__name__, {})))
        for name in {**(getattr(config_class, "sub_configs", None) or {}), **(getattr(config_class, "sub_configs_defaults", None) or {})}:
            sub = getattr(self.default, name, None)
            if isinstance(sub, PreTrainedConfig) and depth < 3:
                self.subs[name] = Space(type(sub), None, depth + 1)
                self.subs[name].default = sub

    def try_build(self, kwargs):
        try:
            config = self.make(kwargs)
            limited(25, self.build, config)
            return True
        except Slow:
            return False
        except Exception:
            return False

    def make(self, kwargs):
        return self.config_class(**kwargs)

    def settle(self, rng):
        """Finds the small base."""
        given = self.given()
        changes = self.proposal(rng, rich=False)
        self.base = self.grow(given, without(changes, given), first=LAYERS)
        if not self.try_build(self.base):
            # Some defaults are none although nothing can be built of them.
            self.fill = True
            self.base = self.grow(given, without(self.proposal(rng, rich=False), given))
        return self.base

    def given(self):
        """What must be said, of the configurations within as well."""
        found = copy.deepcopy(GIVEN.get(self.config_class.__name__, {}))
        for name, sub in self.subs.items():
            if inner := sub.given():
                model_type = type(sub.default).model_type
                found[name] = {"model_type": model_type, **inner} if model_type else inner
        return found

    def grow(self, start, changes, first=None):
        """`start` with as many of the changes as can be built, those of the configurations within key by key."""
        good = merged(start, flat(changes), changes)
        if self.try_build(good):
            return good
        good = copy.deepcopy(start)
        items = sorted(flat(changes), key=lambda item: (not (first and first.search(item[0][-1])), len(item[0]), item[0]))
        tries = [0]

        def add(group):
            tries[0] += 1
            if tries[0] > 80 or not group:
                return
            more = merged(good, group, changes)
            if self.try_build(more):
                good.clear()
                good.update(more)
            elif len(group) > 1:
                add(group[: len(group) // 2])
                add(group[len(group) // 2 :])

        add(items[: len(items) // 2])
        add(items[len(items) // 2 :])
        return good

    def proposal(self, rng, rich):
        found = {}
        layers = None
        for name, hint in self.fields.items():
            if name in self.frozen:
                continue
            default = usual(self.default, name)
            if name in self.extra and (not rich or rng.random() < 0.5):
                continue
            value = self.propose(name, hint, default, rng, rich)
            if value is not Ellipsis:
                found[name] = value
        for name in ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"):
            if isinstance(found.get(name), int):
                layers = found[name]
                break
        if rich and layers is None and not self.depth:
            layers = rng.randrange(3, 8)
        self.lists(found, layers, rng, rich)
        for name, sub in self.subs.items():
            inner = sub.proposal(rng, rich)
            if type(sub.default).model_type:
                inner["model_type"] = type(sub.default).model_type
            if rich and not rng.randrange(12):
                inner["tie_word_embeddings"] = rng.random() < 0.5
            found[name] = inner
        if not self.depth:
            if "tie_word_embeddings" not in found and rich:
                found["tie_word_embeddings"] = rng.random() < 0.5
            if rich:
                found["num_labels"] = rng.choice([2, 3, 5, 7])
        return found

    def singles(self):
        """The base with one key changed: each truth value the other way, each number that can be none as none."""
        for name, hint in self.fields.items():
            default = usual(self.default, name)
            value = self.base.get(name, default)
            if isinstance(default, bool) or hint is bool:
                yield {**self.base, name: not value}
            elif isinstance(default, str) and self.words.get(name):
                yield from ({**self.base, name: word} for word in sorted(self.words[name]) if word != value)
            elif value is not None and allows(hint, type(None)) and isinstance(value, int):
                yield {**self.base, name: None}
            elif value is None and allows(hint, int):
                yield {**self.base, name: small(name, 4, random.Random(7), False)}
        if "tie_word_embeddings" not in self.fields and not self.depth:
            yield from ({**self.base, "tie_word_embeddings": tie} for tie in (False, True))

    def with_missed(self, missed, rng):
        """Keys the class does not declare and its code asks for."""
        for name in missed:
            if name in self.fields:
                continue
            self.fields[name] = bool if re.search("bias|norm", name) else int
            self.extra.add(name)

    def propose(self, name, hint, default, rng, rich):
        hot = rich and name in self.hot
        if isinstance(default, bool) or hint is bool:
            return rng.choice([True, False, *sorted(WORDS.get(self.config_class.__name__, {}).get(name, ()))]) if rich else Ellipsis
        optional = allows(hint, type(None))
        if isinstance(default, int) or allows(hint, int) and default is None:
            if optional and rich and rng.random() < 0.3:
                return None
            if hot and self.hot[name] and rng.random() < 0.5:
                return max(0, rng.choice(sorted(self.hot[name])))
            if default is None and not rich and not self.fill:
                return Ellipsis
            if default is None:
                default = 4
            return small(name, default, rng, rich)
        if isinstance(default, str) and rich and self.words.get(name):
            return rng.choice(sorted(self.words[name] | {default}))
        if isinstance(default, float) and rich and not optional:
            return rng.choice([default, default, default * 2]) if default not in (0.0,) else Ellipsis
        return Ellipsis

    def lists(self, found, layers, rng, rich):
        for name, hint in self.fields.items():
            if name in self.frozen:
                continue
            default = usual(self.default, name)
            if not (isinstance(default, list) or allows(hint, list)):
                continue
            if isinstance(default, (list, tuple)) and default and all(isinstance(v, str) for v in default):
                words = sorted(set(default) | self.words.get(name + "[]", set()))
                if layers and rich and rng.random() < 0.7:
                    found[name] = [rng.choice(words) for _ in range(layers)]
            elif self.words.get(name + "[]") and layers and rich and rng.random() < 0.6:
                found[name] = [rng.choice(sorted(self.words[name + "[]"])) for _ in range(layers)]
            elif isinstance(default, (list, tuple)) and default and all(
                isinstance(v, int) and not isinstance(v, bool) for v in default
            ):
                if not rich:
                    continue
                length = len(default)
                if layers and length == getattr(self.default, "num_hidden_layers", None):
                    found[name] = [small(name, v, rng, rich) for v in (default * 9)[:layers]]
                elif rng.random() < 0.7:
                    found[name] = type(default)(rng.choice([v, v + 1, v * 2]) for v in default)
            elif default in ([], None) and allows_ints(hint) and layers and rich and rng.random() < 0.5:
                found[name] = sorted(rng.sample(range(layers), rng.randrange(0, layers)))

    def variant(self, rng):
        changes = self.proposal(rng, rich=True)
        # Half of the time only some keys change, so that the rest is what the class says.
        share = rng.choice([0.3, 0.6, 1.0, 1.0])
        kept = [item for item in flat(changes) if rng.random() < (max(share, 0.7) if item[0][0] in self.hot else share)]
        return self.grow(self.base, merged({}, kept, changes))


def allows_ints(hint):
    return "list[int" in str(hint)


def usual(config, name):
    """A default; some classes refuse to tell one that differs between layers."""
    try:
        return getattr(config, name, None)
    except Exception:
        return config.__dict__.get(name)


def build(model_class, config, **kwargs):
    """A model without data, tied as its class ties it."""
    with torch.device("meta"):
        model = model_class(config, **kwargs)
    model.tie_weights()
    return model


def _left(tensor, *_, **__):
    return tensor


_timm_create = timm.create_model
_timm_made = {}


def _timm_once(*args, **kwargs):
    """Its towers take seconds to make and are the same for the same words."""
    key = repr((args, sorted(kwargs.items())))
    if key not in _timm_made:
        if len(_timm_made) > 12:
            _timm_made.clear()
        _timm_made[key] = _timm_create(*args, **kwargs)
    return _timm_made[key]


timm.create_model = _timm_once
_type_validator = huggingface_hub.dataclasses.type_validator


def _plain_validator(name, value, expected):
    """Configurations that a model makes on its way are checked by their plain values."""
    _type_validator(name, symbols.plain(value), expected)


huggingface_hub.dataclasses.type_validator = _plain_validator
# First values matter to nobody here, and take most of the time.
PreTrainedModel.initialize_weights = lambda self: None
for _name in dir(torch.nn.init):
    if _name.endswith("_") and not _name.startswith("_"):
        setattr(torch.nn.init, _name, _left)
for _name in ("normal_", "uniform_", "fill_", "zero_", "erfinv_"):
    setattr(torch.Tensor, _name, _left)
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()

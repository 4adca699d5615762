"""What a class builds from one configuration: its tensors, the models within, and the expressions on the way."""

import copy
import dataclasses
import functools
import importlib
import inspect
import re

import torch
import torch.nn as nn
import torch.utils._device
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto import auto_factory

import symbols
from symbols import make
from variants import build

_auto = []


def _new(cls, *args, **kwargs):
    self = object.__new__(cls)
    self.__dict__["_given"] = (args[1:], {k: v for k, v in kwargs.items() if k != "config"})
    self.__dict__["_auto"] = _auto[0] if _auto else False
    _auto.clear()
    return self


PreTrainedModel.__new__ = _new

_from_config = auto_factory._BaseAutoModelClass.from_config.__func__


def _auto_from_config(cls, config, **kwargs):
    _auto[:] = [cls.__name__]
    return _from_config(cls, config, **kwargs)


auto_factory._BaseAutoModelClass.from_config = classmethod(_auto_from_config)


IS_TRUTH = re.compile(r"\.(\w+) is (?:not )?(?:True|False)")


@functools.cache
def compared_by_identity(module):
    """Keys the code asks with `is True`, which only the two truth values answer."""
    try:
        source = inspect.getsource(importlib.import_module(module.replace(".configuration_", ".modeling_")))
    except Exception:
        return frozenset()
    return frozenset(IS_TRUTH.findall(source))


def symbolic(config, path=""):
    """Replaces the values of a configuration by ones that remember their key."""
    plainly = compared_by_identity(type(config).__module__)
    for name, value in list(config.__dict__.items()):
        if name.startswith("_") and name != "_remove_final_layer_norm" or name in ("dtype", "torch_dtype", "id2label", "label2id", "architectures"):
            continue
        key = f"{path}.{name}" if path else name
        if isinstance(value, PreTrainedConfig):
            symbolic(value, key)
        elif isinstance(value, (bool, int, float, str, list, tuple)) and not (isinstance(value, bool) and name in plainly):
            config.__dict__[name] = make(value, ("key", key))
    labels = len(config.__dict__.get("id2label") or {})
    if labels and not path:
        type_labels = symbols.Sym(labels, ("key", "num_labels"))
        config.__dict__["_sym_labels"] = type_labels
    return config


# Keys without a declaration that are worth trying.
EXTRA = ("head_dim", "attention_bias", "mlp_bias", "lm_head_bias", "qk_norm", "use_qk_norm", "v_head_dim")
_labels = PreTrainedConfig.num_labels


def _num_labels(self):
    found = self.__dict__.get("_sym_labels")
    return found if found is not None else _labels.fget(self)


def _set_labels(self, count):
    self.__dict__.pop("_sym_labels", None)
    _labels.fset(self, count)


PreTrainedConfig.num_labels = property(_num_labels, _set_labels)


MISSED = set()


def _missed(self, name):
    """Keys the code asks for that the class does not declare; a file can have them."""
    if not name.startswith("_"):
        MISSED.add(name)
    raise AttributeError(name)


PreTrainedConfig.__getattr__ = _missed


def plain_config(config):
    """The values of a configuration as plain data."""
    found = {name: None for name in (*EXTRA, "tie_word_embeddings") if name not in type(config).__dict__}
    for name, value in config.__dict__.items():
        if name in ("dtype", "torch_dtype", "label2id", "architectures"):
            continue
        if isinstance(value, PreTrainedConfig):
            found[name] = plain_config(value)
        elif value is None or isinstance(value, (bool, int, float, str, list, tuple, dict)):
            found[name] = symbols.plain(value)
    found["num_labels"] = len(config.__dict__.get("id2label") or {}) or 2
    return found


def sub_paths(config, path=""):
    """Every configuration within, by the identity of its object."""
    found = {id(config): path}
    for name, value in config.__dict__.items():
        if isinstance(value, PreTrainedConfig):
            for key, inner in sub_paths(value, f"{path}.{name}" if path else name).items():
                found.setdefault(key, inner)
    return found


def _plainly(function):
    """torch takes separate sizes as plain numbers only."""

    def call(*args, **kwargs):
        return function(*(symbols.plain(a) for a in args), **{k: symbols.plain(v) for k, v in kwargs.items()})

    return call


# What makes tensors is looked up once, by the functions themselves: the originals must be those it knows.
torch.utils._device._device_constructors()
for _name in ("empty", "zeros", "ones", "rand", "randn", "full", "arange", "linspace", "tensor", "eye"):
    setattr(torch, _name, _plainly(getattr(torch, _name)))


@dataclasses.dataclass
class Trace:
    config: dict
    tensors: dict  # name → sizes
    parts: dict  # prefix → (class, path, arguments, auto)
    removed: set  # names the parts have alone, but not here
    lists: dict  # path of a list of modules → length
    pool: dict
    asked: dict


EXPERT = re.compile(r"\.expert_(\d+)(?=\.|$)")


def numbered(name):
    """Experts that are called by a word and a number are a list as any."""
    return EXPERT.sub(r".\1", name)


def trace(model_class, config, arguments):
    symbols.reset()
    original = copy.deepcopy(config)
    symbolic(config)
    paths = sub_paths(config)
    symbols.patch()
    model = build(model_class, config, **arguments)
    pool, asked = dict(symbols.POOL), dict(symbols.ASKED)
    parts, prefixes = {}, []
    for name, module in model.named_modules():
        if not name or any(name.startswith(p + ".") for p in prefixes):
            continue
        if isinstance(module, PreTrainedModel) and id(module.config) in paths:
            args, kwargs = module.__dict__.get("_given", ((), {}))
            kwargs = {k: symbols.plain(v) for k, v in kwargs.items() if v is not None}
            if args or any(not isinstance(v, (bool, int, str)) for v in kwargs.values()) or type(module) is model_class:
                continue
            if type(module).__name__ == "TimmBackbone":
                raise ValueError("a timm model within")
            if type(module).__name__ == "TimmWrapperModel":
                parts[name] = (type(module).__name__, paths[id(module.config)], {}, "AutoModel")
                prefixes.append(name)
                continue
            prefixes.append(name)
            parts[name] = (type(module).__name__, paths[id(module.config)], kwargs, module.__dict__.get("_auto", False))
    tensors, within = {}, set()
    for name, parameter in model.named_parameters():
        prefix = next((p for p in prefixes if name.startswith(p + ".")), None)
        if prefix is None:
            tensors[name] = tuple(parameter.shape)
        else:
            within.add(name)
    removed = set()
    for prefix, (_, path, kwargs, _) in parts.items():
        module = model.get_submodule(prefix)
        inner = original
        for step in path.split(".") if path else []:
            inner = getattr(inner, step)
        if type(module).__name__ == "TimmWrapperModel":
            # Its description is by hand: other libraries decide what it has.
            within_it = {f"{prefix}.{name}" for name, _ in module.named_parameters()}
            if not within_it <= within:
                raise ValueError("a timm model whose tensors are shared")
            continue
        alone = build(type(module), copy.deepcopy(inner), **kwargs)
        names = {f"{prefix}.{name}": tuple(p.shape) for name, p in alone.named_parameters()}
        removed |= {name for name in names if name not in within}
        for name, parameter in module.named_parameters(prefix):
            if name in within and name not in names:
                tensors[name] = tuple(parameter.shape)
    lists = {}
    for name, module in model.named_modules():
        if isinstance(module, (nn.ModuleList, nn.Sequential, nn.ParameterList)) and not any(name.startswith(p + ".") for p in prefixes):
            lists[name] = (len(module), type(module).__name__)
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleDict) and module and all(re.fullmatch(r"expert_\d+", key) for key in module):
            lists[numbered(name)] = (len(module), "ModuleList")
    tensors = {numbered(name): shape for name, shape in tensors.items()}
    removed = {numbered(name) for name in removed}
    lists = {numbered(name): length for name, length in lists.items()}
    return Trace(plain_config(original), tensors, parts, removed, lists, pool, asked)

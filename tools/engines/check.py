"""Checks exports with the engines' own parsers, offline and without a GPU.

    python3 tools/engines/check.py ENGINE DIR...

Each DIR holds what `tuneplan export --to ENGINE -o DIR` wrote. Needs the engine's package (its schemas only: `pip install
--no-deps`) with torch for the CPU; docs/export.md has the versions. Engines that swallow unknown keys (axolotl, MLX-LM,
DeepSpeed) get a check of the names here. One line a folder; exit 0: all taken, 1: some refused, 2: cannot check.
"""

import ast
import contextlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import io
import json
import logging
import os
import re
import shlex
import sys
import tempfile
import typing
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", TOKENIZERS_PARALLELISM="false", DS_ACCELERATOR="cpu",
                  AXOLOTL_DO_NOT_TRACK="1", DS_IGNORE_CUDA_DETECTION="1")
warnings.filterwarnings("ignore")
logging.disable(logging.ERROR)

import yaml  # noqa: E402


class Wrong(Exception):
    """What the engine says against a file."""


def quiet():
    return contextlib.redirect_stdout(io.StringIO())


def one(folder, pattern):
    found = sorted(Path(folder).glob(pattern))
    if not found:
        raise Wrong(f"no {pattern}")
    return found[0]


# ---------------------------------------------------------------- scripts

def module_of(script):
    """The script's imports and functions, without its `main`."""
    tree = ast.parse(Path(script).read_text())
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("trl", "peft", "transformers", "datasets"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    raise Wrong(f"line {node.lineno}: {node.module} has no {alias.name}")
                names[alias.asname or alias.name] = getattr(module, alias.name)
    return tree, names


def bind(call, function, where):
    """A call's arguments against a signature."""
    given = {keyword.arg: None for keyword in call.keywords if keyword.arg}
    try:
        inspect.signature(function).bind_partial(*[None] * len(call.args), **given)
    except TypeError as error:
        raise Wrong(f"{where}: {error}") from error


def check_script(script, build):
    """Imports exist; configurations are built; trainers take their arguments."""
    tree, names = module_of(script)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names):
            continue
        name = node.func.id
        if name.endswith("Trainer"):
            bind(node, names[name].__init__, f"line {node.lineno}: {name}")
        elif name.endswith("Config") and name in build:
            values = {}
            for keyword in node.keywords:
                with contextlib.suppress(ValueError):
                    values[keyword.arg] = ast.literal_eval(keyword.value)
            if "output_dir" in values:
                values.update(output_dir=tempfile.mkdtemp(), use_cpu=True)
                if values.get("bf16") or values.get("fp16"):
                    values.update(bf16=False, fp16=False)
            signature = inspect.signature(names[name].__init__).parameters
            unknown = [key for key in values if key not in signature]
            if unknown:
                raise Wrong(f"line {node.lineno}: {name} has no {unknown}")
            names[name](**values)


# ---------------------------------------------------------------- engines

def trl(folder):
    import trl as library
    from trl import ModelConfig, ScriptArguments, TrlParser
    import trl.experimental.cpo as cpo, trl.experimental.gkd as gkd, trl.experimental.orpo as orpo
    script = one(folder, "*train.py")
    check_script(script, {"IA3Config", "PromptTuningConfig", "PrefixTuningConfig", "PromptEncoderConfig", "VeraConfig", "OFTConfig"})
    classes = re.search(r"TrlParser\(\(ScriptArguments, (\w+), ModelConfig\)\)", script.read_text())[1]
    config = next(getattr(home, classes) for home in (library, cpo, gkd, orpo) if hasattr(home, classes))
    processes = [yaml.safe_load(p.read_text()).get("num_processes", 1) for p in Path(folder).glob("*accelerate.yaml")]
    import transformers
    transformers.TrainingArguments.world_size = property(lambda _: max(processes, default=1))
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            trainer = next(p for p in Path(folder).glob("*.yaml") if not p.name.endswith("accelerate.yaml"))
            text = trainer.read_text()
            # BF16 on a CPU is refused by the arguments, not by the parser of the file.
            text = re.sub(r"^(bf16|fp16): true$", r"\1: false", text, flags=re.M) + f"\nuse_cpu: true\noutput_dir: {tempfile.mkdtemp()}\n"
            text = re.sub(r"^output_dir: out.*$", "", text, flags=re.M)
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as copy:
                copy.write(text)
                copy.flush()
                with quiet():
                    parsed = TrlParser((ScriptArguments, config, ModelConfig)).parse_args_and_config(["--config", copy.name])
        except SystemExit as error:
            raise Wrong(said.getvalue()[-300:]) from error
    with quiet():
        library.get_peft_config(parsed[2])
        library.get_quantization_config(parsed[2])
    for beside in Path(folder).glob("*accelerate.yaml"):
        accelerate_file(beside)


def axolotl(folder):
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.deprecated import DeprecatedParameters
    try:
        from axolotl.integrations.liger.args import LigerArgs
    except ImportError:
        LigerArgs = None
    data = yaml.safe_load(one(folder, "*axolotl.yml").read_text())
    known = fields_of(AxolotlInputConfig)
    if LigerArgs is not None and data.get("plugins"):
        known.update(fields_of(LigerArgs))
    bad = unknown_keys(data, known, "")
    bad += [key for key in data if key in DeprecatedParameters.model_fields]
    if bad:
        raise Wrong(f"unknown or deprecated: {bad}")
    given = DictDefault({key: value for key, value in data.items() if key not in ("deepspeed", "plugins") and not key.startswith("liger")})
    import torch
    with quiet():
        validate_config(given, capabilities={"bf16": True, "fp8": False, "tf32": True, "n_gpu": devices_of(folder), "n_node": 1, "compute_capability": "sm_90"},
                        env_capabilities={"torch_version": torch.__version__.split("+")[0]})
    for beside in Path(folder).glob("*deepspeed*.json"):
        deepspeed_file(beside, folder)


def devices_of(folder):
    """Devices of the plan, as the export's answer beside the folder has them; 8 without it."""
    folder = Path(folder)
    folder = folder.parent if folder.name.startswith("stage-") else folder
    answer = folder.with_name(folder.name + ".json")
    if not answer.exists():
        return 8
    stage = json.loads(answer.read_text())["stages"][0]
    told = [entry["value"] for part in ("said", "cannot_say") for entry in stage[part] if entry["fact"] == "hardware.count"]
    return int(told[0]) if told else 1


def fields_of(model):
    from pydantic import AliasChoices
    out = {}
    for name, field in model.model_fields.items():
        names = {name}
        for alias in (field.alias, field.validation_alias):
            if isinstance(alias, str):
                names.add(alias)
            elif isinstance(alias, AliasChoices):
                names |= {choice for choice in alias.choices if isinstance(choice, str)}
        out.update({key: field.annotation for key in names})
    return out


def models_in(annotation):
    from pydantic import BaseModel
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]


def unknown_keys(data, known, path):
    bad = []
    for key, value in data.items():
        if key not in known:
            bad.append(path + key)
            continue
        below = {}
        for model in models_in(known[key]):
            below.update(fields_of(model))
        for item in value if isinstance(value, list) else [value]:
            if below and isinstance(item, dict):
                bad += unknown_keys(item, below, f"{path}{key}.")
    return bad


def llama_factory(folder):
    import types
    for name in ("torchaudio", "av"):
        if name not in sys.modules:
            try:
                __import__(name)
            except Exception:
                sys.modules[name] = types.ModuleType(name)
                sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)
    with quiet():
        from llamafactory.data.parser import get_dataset_list
        from llamafactory.hparams import parser
    file = one(folder, "*llama_factory.yaml")
    data = yaml.safe_load(file.read_text())
    data.pop("deepspeed", None)
    data.update(use_cpu=True, output_dir=tempfile.mkdtemp())
    parser.is_torch_bf16_gpu_available = lambda: True
    # The parser takes a mapping's words as they are: choices are held here.
    for group in (parser.FinetuningArguments, parser.ModelArguments, parser.DataArguments):
        for key, hint in typing.get_type_hints(group).items():
            literal = [choice for part in (hint, *typing.get_args(hint)) if typing.get_origin(part) is typing.Literal for choice in typing.get_args(part)]
            if literal and data.get(key) not in (None, *literal):
                raise Wrong(f"{key}: {data[key]!r} is none of {literal}")
    with quiet():
        try:
            parser.get_train_args(dict(data))
        except ImportError as error:
            if "requires" not in str(error) and "install" not in str(error):
                raise
        prefix = file.name.removesuffix("llama_factory.yaml")
        info = json.loads(Path(folder, prefix + "dataset_info.json").read_text())
        names = data["dataset"].split(",")
        if any(name not in info for name in names):
            raise Wrong("a data set is not in dataset_info.json")
        if not prefix:
            get_dataset_list(names, str(folder))
    entry = info[names[0]]
    known = {"file_name", "formatting", "ranking", "columns", "tags"}
    if set(entry) - known:
        raise Wrong(f"dataset_info: {set(entry) - known}")
    if data["stage"] in ("dpo", "rm") and not (entry.get("ranking") and {"chosen", "rejected"} <= set(entry["columns"])):
        raise Wrong("pairs need ranking, chosen and rejected")
    if data["stage"] == "kto" and "kto_tag" not in entry["columns"]:
        raise Wrong("kto needs kto_tag")
    for beside in Path(folder).glob("*deepspeed*.json"):
        deepspeed_file(beside, folder)
    for beside in Path(folder).glob("*accelerate.yaml"):
        accelerate_file(beside)


def arguments_of(package, function):
    """Names of the arguments of every function of that name in a package's source."""
    spec = importlib.util.find_spec(package)
    names = set()
    for path in Path(spec.submodule_search_locations[0]).rglob("*.py"):
        text = path.read_text(errors="replace")
        if f"def {function}(" in text:
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef) and node.name == function:
                    names |= {a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs}
    return names


UNSLOTH = {}


def unsloth(folder):
    script = one(folder, "*train.py")
    check_script(script, {"SFTConfig", "DPOConfig", "KTOConfig", "ORPOConfig"})
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "FastLanguageModel":
            name = node.func.attr
            if name not in UNSLOTH:
                UNSLOTH[name] = arguments_of("unsloth", name)
            bad = [keyword.arg for keyword in node.keywords if keyword.arg not in UNSLOTH[name]]
            if bad:
                raise Wrong(f"line {node.lineno}: {name} has no {bad}")
    for beside in Path(folder).glob("*accelerate.yaml"):
        accelerate_file(beside)


def command_of(path):
    text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
    words = shlex.split(text.replace("\\\n", " "))
    while words and re.fullmatch(r"[A-Z_0-9]+=.*", words[0]):
        words.pop(0)
    return words


def ms_swift(folder):
    with quiet():
        from transformers import HfArgumentParser
        from swift.arguments import PretrainArguments, RLHFArguments, SftArguments
    words = command_of(one(folder, "*train.sh"))
    if words[0] != "swift":
        raise Wrong("the command is swift")
    kinds = {"sft": SftArguments, "pt": PretrainArguments, "rlhf": RLHFArguments}
    if words[1] not in kinds:
        raise Wrong(f"swift has no {words[1]}")
    # The classes look models up as they are built; the parser alone reads names, types and choices.
    parser = HfArgumentParser([kinds[words[1]]])
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            import argparse
            space, rest = argparse.ArgumentParser.parse_known_args(parser, words[2:])
        except SystemExit as error:
            raise Wrong(said.getvalue()[-300:]) from error
    if rest:
        raise Wrong(f"unknown: {rest}")
    from swift.arguments.base_args.base_args import get_supported_tuners
    if space.tuner_type not in get_supported_tuners():
        raise Wrong(f"tuner_type {space.tuner_type}")
    if space.deepspeed and space.deepspeed not in ("zero0", "zero1", "zero2", "zero3", "zero2_offload", "zero3_offload"):
        raise Wrong(f"deepspeed {space.deepspeed}")


def mlx_lm(folder):
    from mlx_lm.lora import CONFIG_DEFAULTS as defaults, yaml_loader
    data = yaml.load(one(folder, "*mlx.yaml").read_text(), yaml_loader)
    bad = [key for key in data if key not in defaults]
    if bad:
        raise Wrong(f"unknown: {bad}")
    for key, default in defaults.items():
        if isinstance(default, (int, float)) and key in data and (isinstance(data[key], bool) != isinstance(default, bool) or not isinstance(data[key], (type(default), int))):
            raise Wrong(f"{key}: {data[key]!r}, where {default!r} is the default")
    if data["fine_tune_type"] not in ("lora", "dora", "full") or data.get("optimizer", "adam") not in defaults["optimizer_config"]:
        raise Wrong("fine_tune_type or optimizer")
    parameters = data.get("lora_parameters")
    if parameters is not None:
        if set(parameters) - {"rank", "scale", "dropout", "keys"} or not {"rank", "scale", "dropout"} <= set(parameters):
            raise Wrong(f"lora_parameters: {sorted(parameters)}")
    if not data.get("train"):
        raise Wrong("train: true is needed")


def torchtune(folder):
    from omegaconf import OmegaConf
    from torchtune import config
    from torchtune.config._errors import ConfigError
    given = OmegaConf.load(one(folder, "*torchtune.yaml"))
    OmegaConf.to_container(given, resolve=True)
    try:
        config.validate(given)
    except ConfigError as error:
        raise Wrong(str(error)) from error
    full = "lora" not in given.model._component_
    single = Path(importlib.util.find_spec("torchtune").submodule_search_locations[0]).parent / "recipes" / (
        "full_finetune_single_device.py" if full else "lora_finetune_single_device.py")
    source = single.read_text()
    optional = set(re.findall(r'cfg\.get\(\s*"(\w+)"', source))
    needed = {name for name in re.findall(r"^\s+(?:self\.)?\w+(?:: \w+)? = cfg\.([a-z_]\w*)$", source, re.M)} - optional
    if needed - set(given):
        raise Wrong(f"the recipe needs {sorted(needed - set(given))}")


def accelerate_file(path):
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import launch_command_parser
    with quiet():
        config = load_config_from_file(str(path))
    options = {action.dest: action for action in launch_command_parser()._actions}
    raw = yaml.safe_load(path.read_text())
    for section in ("fsdp_config", "deepspeed_config"):
        for key, value in (raw.get(section) or {}).items():
            if key not in options:
                raise Wrong(f"{section}: unknown {key}")
            choices = getattr(options[key], "choices", None)
            if choices and str(value) not in map(str, choices):
                raise Wrong(f"{section}.{key}: {value!r}")
    for key in raw.get("parallelism_config") or {}:
        if key not in options:
            raise Wrong(f"parallelism_config: unknown {key}")
    if str(raw.get("mixed_precision")) not in ("no", "fp16", "bf16", "fp8"):
        raise Wrong(f"mixed_precision {raw.get('mixed_precision')!r}")
    fsdp = raw.get("fsdp_config") or {}
    old = {"fsdp_sharding_strategy", "fsdp_backward_prefetch", "fsdp_forward_prefetch", "fsdp_sync_module_states", "fsdp_use_orig_params"}
    if fsdp.get("fsdp_version") == 2 and old & set(fsdp):
        raise Wrong(f"FSDP 2 has no {old & set(fsdp)}")
    kind = getattr(config.distributed_type, "value", config.distributed_type)
    if kind == "FSDP" and not fsdp or kind == "DEEPSPEED" and (raw.get("deepspeed_config") or {}).get("zero_stage") not in (1, 2, 3):
        raise Wrong("sharding without its section")
    if (raw.get("deepspeed_config") or {}).get("offload_param_device") in ("cpu", "nvme") and raw["deepspeed_config"]["zero_stage"] != 3:
        raise Wrong("offload_param_device needs ZeRO-3")


def accelerate(folder):
    accelerate_file(one(folder, "*accelerate.yaml"))


TOP = set("""train_batch_size train_micro_batch_size_per_gpu gradient_accumulation_steps optimizer scheduler fp16 bf16
gradient_clipping zero_optimization zero_allow_untested_optimizer steps_per_print wall_clock_breakdown""".split())


def deepspeed_file(path, folder):
    import types
    import deepspeed.runtime.config as runtime
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig
    data = json.loads(path.read_text())
    if set(data) - TOP:
        raise Wrong(f"unknown: {set(data) - TOP}")
    zero = data["zero_optimization"]
    DeepSpeedZeroConfig(**zero)
    world = data["train_batch_size"] // (data["train_micro_batch_size_per_gpu"] * data["gradient_accumulation_steps"])
    if data["bf16"]["enabled"] and data["fp16"]["enabled"]:
        raise Wrong("bf16 and fp16")
    if zero.get("offload_param", {}).get("device", "none") != "none" and zero["stage"] != 3:
        raise Wrong("offload_param needs stage 3")

    class Group:
        get_data_parallel_world_size = staticmethod(lambda: max(world, 1))

    runtime.dist = types.SimpleNamespace(get_rank=lambda: 0, get_world_size=lambda *_: max(world, 1))
    with quiet():
        runtime.DeepSpeedConfig(data, mpu=Group())


def deepspeed(folder):
    deepspeed_file(one(folder, "*deepspeed*.json"), folder)


def sources(package):
    """Folder of a package's source, which is not imported."""
    for place in sys.path:
        if Path(place, package).is_dir():
            return Path(place, package)
    raise ImportError(f"no source of {package} on the path")


def flags_of(words):
    return [word.split("=")[0] for word in words if word.startswith("--")]


def vllm(folder):
    home = sources("vllm")
    files = ["engine/arg_utils.py", "entrypoints/openai/cli_args.py", "entrypoints/cli/serve.py", "entrypoints/common/cli_args.py"]
    text = "\n".join((home / file).read_text() for file in files if (home / file).exists())
    known = set(re.findall(r'"(--[a-z0-9][a-z0-9-]*)"', text))
    known |= {"--" + name.replace("_", "-") for name in re.findall(r"^    ([a-z_][a-z0-9_]*):", text, re.M)}
    words = command_of(one(folder, "*vllm.sh"))
    bad = [flag for flag in flags_of(words) if flag not in known]
    if words[:2] != ["vllm", "serve"] or words[2].startswith("--") or bad:
        raise Wrong(f"{words[:3]}, unknown {bad}")
    ranks = [int(rank) for rank in re.search(r"MaxLoRARanks = Literal\[([\d, ]+)\]", (home / "config/lora.py").read_text())[1].split(",")]
    value = dict(zip(words, words[1:]))
    if "--max-lora-rank" in value and int(value["--max-lora-rank"]) not in ranks:
        raise Wrong(f"--max-lora-rank is one of {ranks}")
    lora = [flag for flag in flags_of(words) if "lora" in flag and flag != "--enable-lora"]
    if lora and "--enable-lora" not in words:
        raise Wrong(f"{lora} without --enable-lora")
    if "--max-cpu-loras" in value and int(value["--max-cpu-loras"]) < int(value.get("--max-loras", 1)):
        raise Wrong("--max-cpu-loras below --max-loras")


def sglang(folder):
    home = sources("sglang") / "srt" / "arg_groups" / "fields"
    text = "\n".join(file.read_text() for file in home.glob("*.py"))
    known = {"--" + name.replace("_", "-") for name in re.findall(r"^    ([a-z_][a-z0-9_]*):", text, re.M)}
    words = command_of(one(folder, "*sglang.sh"))
    bad = [flag for flag in flags_of(words) if flag not in known]
    if words[:3] != ["python", "-m", "sglang.launch_server"] or "--model-path" not in words or bad:
        raise Wrong(f"{words[:3]}, unknown {bad}")


def mergekit(folder):
    from mergekit.config import MergeConfiguration
    from mergekit.merge_methods import registry
    data = yaml.safe_load(one(folder, "*merge.yml").read_text())
    if set(data) - set(MergeConfiguration.model_fields):
        raise Wrong(f"unknown {set(data) - set(MergeConfiguration.model_fields)}")
    MergeConfiguration.model_validate(data)
    if data["merge_method"] not in {method.spec.name for method in registry.registered_methods()}:
        raise Wrong(data["merge_method"])


def skypilot(folder):
    import jsonschema
    from sky.utils import schemas
    jsonschema.validate(yaml.safe_load(one(folder, "*sky.yaml").read_text()), schemas.get_task_schema())
    resources = yaml.safe_load(one(folder, "*sky.yaml").read_text())["resources"]
    jsonschema.validate(resources, schemas.get_resources_schema())
    trl(folder)


MEGATRON = {}


def megatron_bridge(folder):
    if not MEGATRON:
        for file in sources("megatron").rglob("*.py"):
            with contextlib.suppress(SyntaxError, UnicodeDecodeError):
                for node in ast.parse(file.read_text()).body:
                    if isinstance(node, ast.ClassDef):
                        names = {item.target.id: ast.unparse(item.annotation) for item in node.body
                                 if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)}
                        bases = [ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases]
                        MEGATRON.setdefault(node.name, []).append((names, bases))

    def names_of(name, seen=()):
        out = {}
        for names, bases in MEGATRON.get(name, []):
            out |= names
            for base in bases:
                if base not in seen:
                    out |= names_of(base, (*seen, name))
        return out

    container = names_of("ConfigContainer")
    data = yaml.safe_load(one(folder, "*megatron.yaml").read_text())
    for section, keys in data.items():
        if section not in container:
            raise Wrong(f"unknown section {section}")
        if not isinstance(keys, dict):
            continue
        classes = re.findall(r"\w+", container[section])
        if section == "peft":
            classes += ["LoRA", "DoRA"]
        if section == "model":
            classes += [name for name in MEGATRON if name.endswith("ModelProvider")]
        known = set().union(*[names_of(name) for name in classes if name in MEGATRON])
        bad = set(keys) - known - {"_target_"}
        if known and bad:
            raise Wrong(f"{section}: unknown {bad}")


def modelfile(folder):
    for line in one(folder, "*Modelfile").read_text().splitlines():
        if line and not line.startswith("#") and line.split()[0] not in ("FROM", "ADAPTER", "PARAMETER", "TEMPLATE", "SYSTEM", "LICENSE", "MESSAGE"):
            raise Wrong(line)


ENGINES = {"vllm": vllm, "sglang": sglang, "mergekit": mergekit, "skypilot": skypilot, "megatron-bridge": megatron_bridge, "ollama": modelfile, "trl": trl, "axolotl": axolotl, "llama-factory": llama_factory, "unsloth": unsloth, "ms-swift": ms_swift, "mlx-lm": mlx_lm,
           "torchtune": torchtune, "accelerate": accelerate, "deepspeed": deepspeed}


def main(engine, folders):
    refused = 0
    check = ENGINES[engine]
    # A chain of stages is a folder each.
    folders = [stage for folder in folders for stage in sorted(Path(folder).glob("stage-*")) or [folder]]
    for folder in folders:
        try:
            check(folder)
        except ImportError as error:
            print(f"cannot check: {error}")
            return 2
        except Exception as error:  # an engine's schema raises what it likes
            refused += 1
            print(f"refused {folder}: {type(error).__name__}: {str(error)[:600]}")
    print(f"{engine}: {len(folders) - refused} of {len(folders)} taken")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].split("@")[0], sys.argv[2:]))

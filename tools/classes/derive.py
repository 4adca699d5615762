"""Derives descriptions of the classes of transformers: `python derive.py STORE [TYPE …]`.

Results (and why something could not be derived) are kept in the folder STORE, one file a class; `write.py` makes the
files of `assets/classes` from them. A class that is there is not derived again.
"""

import pathlib
import pickle
import sys
import time

import transformers
from transformers import AutoConfig, PreTrainedConfig
from transformers.modeling_layers import (
    GenericForQuestionAnswering,
    GenericForSequenceClassification,
    GenericForTokenClassification,
)
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

import variants
from derive_one import audit, derive
from keys import Rules
from learn import Unexplained
from variants import Slow, limited

TASKS = ["CAUSAL_LM", "SEQ_TO_SEQ_CAUSAL_LM", "IMAGE_TEXT_TO_TEXT", "MULTIMODAL_LM", "SPEECH_SEQ_2_SEQ", "MASKED_LM",
         "SEQUENCE_CLASSIFICATION", "TOKEN_CLASSIFICATION", "QUESTION_ANSWERING"]


def mapping(task):
    return getattr(modeling_auto, f"MODEL_FOR_{task}_MAPPING_NAMES", {})


def roots(wanted):
    """Model type → classes of the tasks, the bare model first."""
    found = {}
    for task in TASKS:
        for model_type, names in mapping(task).items():
            for name in [names] if isinstance(names, str) else names:
                found.setdefault(model_type, []).append(name)
    for model_type, names in found.items():
        base = modeling_auto.MODEL_MAPPING_NAMES.get(model_type)
        for name in [base] if isinstance(base, str) else base or []:
            names.insert(0, name)
    order = sorted(found, key=lambda t: (FIRST.index(t) if t in FIRST else len(FIRST), t))
    return {t: [n for n in dict.fromkeys(found[t]) if not is_generic(n)] for t in order if not wanted or t in wanted}


def derive_class(job):
    """One class; returns the jobs of the parts within."""
    store, name, arguments = job
    label = name + ("" if not arguments else "(" + ", ".join(f"{k}={v}" for k, v in arguments) + ")")
    file = pathlib.Path(store) / f"{label}.pickle"
    if file.exists():
        known = pickle.loads(file.read_bytes())
        is_head = any(kind == "part" and leaf[1] == "" for kind, _, leaf, _ in known.get("items", ()))
        if "items" not in known or is_head or known.get("audited") == AUDIT:
            return known["parts"]
        try:
            model_class = getattr(transformers, name, None) or find(name)
            wrong = limited(100, audit, known, model_class.config_class, model_class, dict(arguments))
        except (Slow, Exception) as error:
            wrong = repr(error)[:200]
        if wrong is None:
            file.write_bytes(pickle.dumps({**known, "audited": AUDIT}))
            print(f"         {label}: holds", flush=True)
            return known["parts"]
        print(f"         {label}: not so, {wrong}", flush=True)
    start, found = time.time(), {"audited": AUDIT, "name": name, "arguments": arguments, "parts": []}
    try:
        model_class = getattr(transformers, name, None) or find(name)
        config_class = model_class.config_class
        found["model_type"], found["config"] = config_class.model_type, config_class.__name__
        d = derive(config_class, model_class, dict(arguments))
        found.update(items=d.items, counts=d.counts, base=d.space.base, values=values_of(d), seconds=time.time() - start)
        for kind, _, leaf, _ in d.items:
            if kind == "part" and not leaf[0].startswith("Auto"):
                found["parts"].append((store, leaf[0], leaf[2]))
    except Slow:
        found["failed"] = "too slow"
    except Unexplained as error:
        found["failed"] = str(error)
    except Exception as error:
        found["failed"] = repr(error)[:300]
    file.write_bytes(pickle.dumps(found))
    print(f"{time.time() - start:6.1f} s  {label}: {found.get('failed', 'derived')}", flush=True)
    return found["parts"]


def values_of(description):
    """Key → the values it had, of keys that never changed."""
    seen = {}
    for t in description.traces:
        for key in description.space.fields:
            if key in t.config:
                seen.setdefault(key, []).append(t.config[key])
    return {k: v[0] for k, v in seen.items() if all(x == v[0] for x in v)}


# Counts up when `audit` asks for more.
AUDIT = 2
GENERIC = (GenericForSequenceClassification, GenericForTokenClassification, GenericForQuestionAnswering)
FIRST = """llama qwen2 qwen3 qwen3_moe mistral gemma3_text gemma3 gemma4 qwen2_vl qwen2_5_vl qwen3_vl qwen3_vl_moe qwen3_5
qwen3_5_text qwen3_5_moe qwen3_5_moe_text qwen3_next glm4 glm4_moe glm4_moe_lite glm_moe_dsa gemma3n granitemoehybrid granite lfm2 lfm2_moe lfm2_vl nemotron_h
falcon_h1 minimax_m2 deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v4 mistral3 mistral4 ministral3 mllama llama4 ernie4_5_moe ernie4_5 hunyuan_v1_dense
hunyuan_v1_moe kimi_linear kimi_k25 jamba mamba2 mamba bamba arcee afmoe apertus seed_oss exaone4 dots1 bert roberta xlm-roberta modernbert
deberta-v2 distilbert t5 bart whisper gpt_oss olmo olmo2 olmo3 olmoe phi phi3 phimoe gpt2 gpt_bigcode gpt_neo gpt_neox gptj bloom opt
falcon cohere cohere2 starcoder2 stablelm smollm3 glm internlm3 mixtral qwen2_moe gemma gemma2 bitnet ministral llama4_text gemma4_text voxtral
internvl llava llava_next paligemma idefics3 smolvlm pixtral electra mpnet deberta albert mt5 mbart pegasus m2m_100 marian nllb-moe""".split()


def is_generic(name):
    """A head all decoders share; `write.py` knows it."""
    model_class = getattr(transformers, name, None)
    return model_class is not None and issubclass(model_class, GENERIC)


def find(name):
    """A class that transformers does not export."""
    import importlib

    for model_type in CONFIG_MAPPING_NAMES:
        folder = transformers.models.auto.configuration_auto.model_type_to_module_name(model_type)
        try:
            module = importlib.import_module(f"transformers.models.{folder}.modeling_{folder}")
        except Exception:
            continue
        if hasattr(module, name):
            return getattr(module, name)
    raise Unexplained(f"no class {name}")


def sub_types(config_class):
    """Default model types of the configurations within."""
    try:
        config = config_class()
    except Exception:
        return []
    return [v.model_type for v in config.__dict__.values() if isinstance(v, PreTrainedConfig)]


def main():
    store, wanted = sys.argv[1], set(sys.argv[2:])
    pathlib.Path(store).mkdir(exist_ok=True, parents=True)
    pending = [(store, name, ()) for names in roots(wanted).values() for name in names]
    done = set()
    while pending:
        batch = [job for job in dict.fromkeys(pending) if job not in done][:40]
        rest = pending
        done.update(batch)
        pending = [part for parts in map(derive_class, batch) for part in parts]
        # What AutoModel makes of the parts' own types.
        for _, name, _ in batch:
            model_class = getattr(transformers, name, None)
            if model_class is None or getattr(model_class, "config_class", None) is None:
                continue
            for model_type in sub_types(model_class.config_class):
                base = modeling_auto.MODEL_MAPPING_NAMES.get(model_type)
                for found in [base] if isinstance(base, str) else (base or [])[:1]:
                    pending.append((store, found, ()))
        pending = [job for job in pending + rest if job not in done]


if __name__ == "__main__":
    main()

"""Makes tests/fixtures/data: two small tokenizers, made-up rows of six formats, and what trainers make of them.

usage: python make.py OUT_DIR [--trainers trl,llama-factory,axolotl]

The rows and the tokenizers are drawn from a seed. expected.jsonl has for each file, tokenizer, trainer and cutoff what the
trainer's own preprocessing gives: the tokens of each row that is left, and which of them are trained (labels other than -100).
Needs trl 1.16.0, datasets 5.2.0, transformers 5.24.0, tokenizers 0.23 and, for LLaMA-Factory, llamafactory 0.9.5 without its
pins, for axolotl the wheel of 0.21.0 on the path; all on the CPU, and apart from `cargo test`.
"""

import argparse
import json
import os
import random

CUTOFFS = [48, 1024]
WORDS = (
    "valve lease pump parcel sensor roster ticket ledger filter meter café naïve 温度 수리 ☂ 12 °C 3.5 x=1; def return "
    "the a of and is open shut why where please"
).split()

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Thoughts of earlier turns are left out, and the last answer gets an empty one, as reasoning models have it.
THINKING = """{%- set ns = namespace(last=-1) %}
{%- for message in messages %}
    {%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == 'assistant' %}
        {%- set thought = '' %}
        {%- if '</think>' in content %}
            {%- set thought = content.split('</think>')[0].split('<think>')[-1].strip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\\n' }}
        {%- if loop.index0 > ns.last %}
            {{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}
        {%- endif %}
        {{- content | trim + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""


def text(rng, most=14):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))


def answer(rng):
    kind = rng.randint(0, 7)
    if kind == 0:
        return "<think>\n" + text(rng) + "\n</think>\n\n" + text(rng)
    if kind == 1:
        return "  " + text(rng) + "\n"
    if kind == 2:
        return text(rng) + "\n\n```\n" + text(rng) + "\n```"
    if kind == 3:
        return text(rng, 60)
    if kind == 4:
        return rng.choice(["Yes.", "12", "</s>", "<|im_end|>", "é"])
    return text(rng) + "."


def talk(rng, role, content, user, assistant):
    turns = []
    if rng.random() < 0.3:
        turns.append({role: "system", content: text(rng)})
    for _ in range(rng.randint(1, 3)):
        turns.append({role: user, content: text(rng) + rng.choice(["", "?", " ", "\n"])})
        turns.append({role: assistant, content: answer(rng)})
    return turns


def rows(rng):
    pair = lambda: {"prompt": text(rng) + rng.choice(["", " ", "\n", ": "]), "completion": answer(rng)}
    chat = lambda: talk(rng, "role", "content", "user", "assistant")
    def ask():
        turns = chat()
        return {"prompt": turns[:-1], "completion": turns[-1:]}
    return {
        "messages": [{"messages": chat()} for _ in range(16)],
        "sharegpt": [{"conversations": talk(rng, "from", "value", "human", "gpt")} for _ in range(8)],
        "alpaca": [
            {"instruction": text(rng), "input": rng.choice(["", text(rng)]), "output": answer(rng)} for _ in range(8)
        ],
        "prompt": [pair() for _ in range(10)],
        "talk": [ask() for _ in range(10)],
        "text": [{"text": text(rng, 60) + rng.choice(["", "</s>", " "])} for _ in range(8)],
    }


def tokenizers(out, corpus):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    special = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    for name, template, frames in [("chatml", CHATML, False), ("thinking", THINKING, True)]:
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
        bpe.train_from_iterator(corpus, trainer)
        bpe.add_special_tokens([AddedToken(word, special=True) for word in special])
        bpe.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
        if frames:
            begin = ("<s>", bpe.token_to_id("<s>"))
            bpe.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[begin])
        folder = os.path.join(out, "tokenizers", name)
        os.makedirs(folder, exist_ok=True)
        bpe.save(os.path.join(folder, "tokenizer.json"), pretty=False)
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "<|im_end|>" if frames else "</s>",
            "chat_template": template,
        }
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
            json.dump(settings, file, indent=1, ensure_ascii=False)


def load(folder):
    from transformers import PreTrainedTokenizerFast

    with open(os.path.join(folder, "tokenizer_config.json")) as file:
        settings = json.load(file)
    template = settings.get("chat_template")
    jinja = os.path.join(folder, "chat_template.jinja")
    if os.path.exists(jinja):
        template = open(jinja).read()
    word = lambda name: (settings.get(name) or {}).get("content") if isinstance(settings.get(name), dict) else settings.get(name)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=os.path.join(folder, "tokenizer.json"), bos_token=word("bos_token"), eos_token=word("eos_token")
    )
    tokenizer.chat_template = template
    return tokenizer


def trl(tokenizer, path, cutoff):
    """{row: (ids, labels)} of SFTTrainer's own preparation; an error as a text."""
    import datasets
    from trl import SFTConfig, SFTTrainer

    datasets.disable_progress_bars()
    data = datasets.load_dataset("json", data_files=path, split="train")
    data = data.add_column("row_number", list(range(len(data))))
    trainer = SFTTrainer.__new__(SFTTrainer)
    trainer._tokenizer = tokenizer
    trainer.chat_template = None
    trainer.assistant_only_loss = False
    trainer.completion_only_loss = "prompt" in data.column_names
    args = SFTConfig(output_dir="/tmp/none", max_length=cutoff, use_cpu=True, bf16=False, report_to=[])
    try:
        made = trainer._prepare_dataset(data, tokenizer, args, False, None, "train")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return {row["row_number"]: (row["input_ids"], [label != -100 for label in row["labels"]]) for row in made}


def llama_factory(tokenizer, path, cutoff, template_name):
    """Likewise of LLaMA-Factory's converter and processor."""
    from types import SimpleNamespace

    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import DatasetAttr
    from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
    from llamafactory.data.template import TEMPLATES

    template = TEMPLATES[template_name]
    template.fix_special_tokens(tokenizer)
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    attr = DatasetAttr("file", "rows")
    if "messages" in rows[0]:
        attr.join({
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
                     "system_tag": "system", "observation_tag": "tool", "function_tag": "function"},
        })
    elif "conversations" in rows[0]:
        attr.join({"formatting": "sharegpt"})
    elif "prompt" in rows[0]:
        attr.join({"columns": {"prompt": "prompt", "response": "completion"}})
    args = SimpleNamespace(
        cutoff_len=cutoff, train_on_prompt=False, mask_history=False, media_dir=".", packing=False, neat_packing=False
    )
    convert = get_dataset_converter(attr.formatting, attr, args)
    processor = SupervisedDatasetProcessor(template=template, tokenizer=tokenizer, processor=None, data_args=args)
    found = {}
    for number, row in enumerate(rows):
        try:
            converted = {key: [value] for key, value in convert(row).items()}
            made = processor.preprocess_dataset(converted)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if made["input_ids"]:
            found[number] = (made["input_ids"][0], [label != -100 for label in made["labels"][0]])
    return found


def axolotl(tokenizer, path, cutoff):
    """Likewise of axolotl's strategies, and its filters for rows that are too long or train nothing."""
    import logging

    from axolotl.prompt_strategies.chat_template import StrategyLoader
    from axolotl.prompt_tokenizers import AlpacaPromptTokenizingStrategy
    from axolotl.prompters import AlpacaPrompter
    from axolotl.utils.dict import DictDefault

    logging.disable(logging.WARNING)
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    config = DictDefault({"sequence_len": cutoff, "train_on_inputs": False, "chat_template": "tokenizer_default"})
    if "instruction" in rows[0]:
        strategy = AlpacaPromptTokenizingStrategy(AlpacaPrompter(), tokenizer, False, cutoff)
    else:
        settings = {"type": "chat_template", "chat_template": "tokenizer_default"}
        if "conversations" in rows[0]:
            settings |= {"field_messages": "conversations"}
            settings |= {"message_property_mappings": {"role": "from", "content": "value"}}
        strategy = StrategyLoader()(tokenizer, config, settings)
    found = {}
    for number, row in enumerate(rows):
        try:
            made = strategy.tokenize_prompt(row)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        ids, trained = list(made["input_ids"]), [label != -100 for label in made["labels"]]
        if len(ids) <= cutoff and any(trained):
            found[number] = (ids, trained)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--trainers", default="trl,llama-factory,axolotl")
    parser.add_argument("--only-expected", action="store_true", help="rows and tokenizers are there already")
    options = parser.parse_args()
    rng = random.Random(20261201)
    os.makedirs(options.out, exist_ok=True)
    files = rows(rng)
    if not options.only_expected:
        for name, of_file in files.items():
            with open(os.path.join(options.out, name + ".jsonl"), "w") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in of_file)
        corpus = [text(rng, 40) for _ in range(400)]
        tokenizers(options.out, corpus)
    with open(os.path.join(options.out, "expected.jsonl"), "w") as expected:
        for tokenizer_name in sorted(os.listdir(os.path.join(options.out, "tokenizers"))):
            folder = os.path.join(options.out, "tokenizers", tokenizer_name)
            for name in files:
                path = os.path.join(options.out, name + ".jsonl")
                for trainer in options.trainers.split(","):
                    for cutoff in CUTOFFS:
                        templates = ["chatml", "qwen3"] if trainer == "llama-factory" else [None]
                        for template in templates:
                            tokenizer = load(folder)
                            if trainer == "trl":
                                made = trl(tokenizer, path, cutoff)
                            elif name in ("talk", "text") or trainer == "axolotl" and name == "prompt":
                                continue
                            elif trainer == "axolotl":
                                made = axolotl(tokenizer, path, cutoff)
                            else:
                                made = llama_factory(tokenizer, path, cutoff, template)
                            line = {"file": name, "tokenizer": tokenizer_name, "trainer": trainer, "cutoff": cutoff}
                            if template:
                                line["template"] = template
                            if isinstance(made, str):
                                line["error"] = made
                            else:
                                line["rows"] = [
                                    {"row": number, "ids": ids, "trained": "".join("01"[label] for label in labels)}
                                    for number, (ids, labels) in sorted(made.items())
                                ]
                            expected.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

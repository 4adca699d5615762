//! Conversations and calls of tools.

use super::checks;

checks! {
    CHAT;
    NOT_A_LIST = Error "chat.not-a-list", "The conversation is no list of messages", "trainers stop with an error", "TRL 1.16.0, LLaMA-Factory 0.9.5", "no safe fix: write a list of objects";
    NO_MESSAGES = Error "chat.no-messages", "A conversation without messages", "templates render nothing or stop", "OpenAI cookbook: missing_messages_list", "remove the row";
    MESSAGE_KEYS = Error "chat.message-keys", "A message without its role or content", "trainers stop with a KeyError", "OpenAI cookbook: message_missing_key", "no safe fix: add the key that is missing";
    UNKNOWN_ROLE = Error "chat.unknown-role", "A role that templates do not know", "LLaMA-Factory drops the row; templates write a header that no chat uses, or nothing", "TRL 1.16.0 with Qwen 3 and Llama 3.1; LLaMA-Factory issue 2381", "rename it to system, user, assistant or tool";
    SHAREGPT_TAGS = Error "sharegpt.role-names", "`from` is user or assistant, not human or gpt", "LLaMA-Factory's defaults know human and gpt alone and drop the row", "LLaMA-Factory 0.9.5; its issue 6878", "rename them, or set user_tag and assistant_tag in dataset_info.json";
    SHAREGPT_KEYS = Error "sharegpt.openai-keys", "`conversations` with `role` and `content` instead of `from` and `value`", "TRL and LLaMA-Factory's defaults stop with a KeyError", "TRL 1.16.0; axolotl issues 752, 1649", "call the list `messages`";
    SHAREGPT_TRL = Note "sharegpt.values-not-renamed", "ShareGPT roles human and gpt", "TRL renames the keys and not the values: Qwen 3's template prints nothing for them, others write headers human and gpt", "TRL 1.16.0, 22 of 26 rows without a token", "for TRL write `messages` with user and assistant";
    NO_ASSISTANT = Error "chat.no-assistant", "No turn of the assistant", "there is nothing to learn: trainers drop the row or train on the question", "OpenAI cookbook: example_missing_assistant_message", "remove the row, or add the answer";
    SYSTEM_NOT_FIRST = Error "chat.system-not-first", "A system message that is not the first", "LLaMA-Factory drops the row, many templates refuse it", "LLaMA-Factory 0.9.5", "move it to the beginning";
    ROLES_REPEAT = Warning "chat.roles-repeat", "Two turns of one role after each other", "LLaMA-Factory drops the row; templates of Llama 2, Mistral and Gemma refuse it", "smol-course issue 260, alignment-handbook issue 93", "join the two, if they belong together";
    FIRST_NOT_USER = Warning "chat.first-not-user", "The assistant speaks first", "LLaMA-Factory drops the row, and several templates refuse it", "LLaMA-Factory 0.9.5", "remove the first turn, or put a question before it";
    LAST_NOT_ASSISTANT = Warning "chat.last-not-assistant", "The last turn is not the assistant's", "it is not learned by trainers that mask prompts, and LLaMA-Factory drops the row", "LLaMA-Factory 0.9.5: invalid message count", "remove the last turn, or add the answer";
    EMPTY_ANSWER = Warning "chat.empty-answer", "An answer with nothing or blanks in it", "the model learns to end at once", "stanford_alpaca; preview of this program", "remove the row";
    EMPTY_PROMPT = Warning "chat.empty-turn", "A turn of the user or system with nothing or blanks in it", "the answer is learned without its question", "OpenAI cookbook: missing_content", "remove the turn, if the conversation stays whole";
    NULL_CONTENT = Error "chat.null-content", "`content` is null, and no tool is called", "templates print None or stop", "OpenAI cookbook: missing_content", "remove the row";
    CONTENT_TYPE = Error "chat.content-type", "`content` is neither text nor a list of parts", "templates stop or print it as Python does", "OpenAI API reference", "write it as text";
    ALL_WEIGHTS_ZERO = Warning "chat.nothing-trained", "Every answer has weight 0 or train false", "nothing of the row is trained", "OpenAI fine-tuning guide: weight; axolotl: train", "remove the row, or set a weight of 1";
    THINK_UNBALANCED = Warning "chat.thought-not-closed", "A thought that is opened and not closed, or closed and not opened", "templates cannot strip it, and the model learns never to end its thought", "Qwen 3 and DeepSeek-R1 templates", "no safe fix: only you know where the thought ends";
    THINK_EMPTY = Note "chat.thought-empty", "Empty thoughts", "models that answer without thinking are trained with them; others learn to think nothing", "Qwen 3 model card", "no safe fix: remove them only if the model is to think";
    THINK_HISTORY = Note "chat.thought-in-history", "A thought in a turn that is not the last", "templates such as Qwen 3's delete it: TRL and axolotl train something else than what is shown; LLaMA-Factory keeps it", "TRL 1.16.0, axolotl 0.21.0: 14 of 26 rows", "make a row of each turn, with the thought in the last";
    THINK_MIXED = Note "chat.thoughts-in-some-rows", "Thoughts in some answers and not in others", "LLaMA-Factory's qwen3 template puts an empty one before the others, and trains it", "LLaMA-Factory 0.9.5", "no safe fix: use a template without thoughts, or keep the two apart";
    UNFINISHED = Warning "chat.unfinished-answer", "An answer that stops in the middle of a sentence or a code block", "the model learns to stop there", "answers cut by a limit on new tokens", "no safe fix: make the answer again with a higher limit, or remove the row";
    REFUSAL = Note "chat.refusal", "An answer that refuses", "refusals are learned like any other answer", "found by usual wording, so not all are", "no safe fix: keep those that are meant";
}

checks! {
    TOOLS;
    ARGUMENTS_SYNTAX = Error "tools.arguments-not-json", "The arguments of a call are text that is no JSON", "templates that parse them stop, others train the model to write what no program reads", "Qwen3-Coder issue 444", "no safe fix: mend what made the call";
    ARGUMENTS_TWICE = Warning "tools.arguments-encoded-twice", "The arguments of a call are JSON in a string in JSON", "the model learns to escape its arguments", "oumi PR 2599", "decode them once";
    ARGUMENTS_MIXED = Warning "tools.arguments-mixed", "Arguments of calls are text in some rows and objects in others", "pyarrow refuses the file; templates encode the text a second time or stop at the object", "inference PR 4921: what templates accept", "write all as objects (TRL), or all as text (OpenAI)";
    ARGUMENTS_RAGGED = Note "tools.arguments-keys-differ", "Arguments that are objects with other keys than the first ones", "polars and pyarrow add the keys of all rows to each, with null; datasets 5 keeps them apart", "measured with datasets 5.2.0, polars 2.1.0, pyarrow 26.0.1", "for loaders that make tables of it, write arguments as text";
    ARGUMENTS_TEXT = Note "tools.arguments-text", "Arguments of calls are text, as the OpenAI API has them", "TRL wants objects: templates such as Qwen 2.5's encode the text a second time", "TRL 1.16.0 documentation; oumi PR 2599", "for TRL write them as objects";
    CALL_SHAPE = Error "tools.call-shape", "A call without a function or its name", "templates stop with an error", "OpenAI API reference", "no safe fix: add the name";
    RESULT_WITHOUT_CALL = Error "tools.result-without-call", "A result of a tool that nothing called", "the OpenAI API refuses it, and templates pair it with another call", "OpenAI API reference", "no safe fix: correct tool_call_id, or remove the message";
    CALL_WITHOUT_RESULT = Warning "tools.call-without-result", "A call of a tool whose result does not follow", "the model learns to answer without waiting for it", "OpenAI API reference", "no safe fix: add the result, or end the row with the call";
    UNKNOWN_TOOL = Error "tools.unknown-name", "A call of a tool that is not in `tools`", "the model learns to invent tools", "OpenAI API reference", "no safe fix: add the tool, or correct the name";
    SCHEMA = Warning "tools.arguments-schema", "Arguments that do not fit the schema of the tool", "the model learns calls that fail", "JSON Schema: type, required, enum", "no safe fix: correct the call or the schema";
    TOOLS_SYNTAX = Error "tools.not-json", "`tools` is no JSON list of tools", "trainers stop with an error", "LLaMA-Factory issue 2529", "no safe fix: write a list of tools";
}

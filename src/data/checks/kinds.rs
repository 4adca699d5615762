//! Preference, KTO, reward, stepwise, infilling, tokenized and multimodal rows; what is said of a file's rows together.

use super::checks;

checks! {
    PREFERENCE;
    SIDE_MISSING = Error "preference.side-missing", "A pair without one of its sides", "trainers stop with a KeyError or a type error", "TRL 1.16.0 dataset formats", "remove the row";
    SIDE_EMPTY = Error "preference.side-empty", "A side with nothing or blanks in it", "the loss of an empty answer is undefined or trains the end alone", "trl issue 6548", "remove the row";
    EQUAL = Error "preference.equal", "Both sides are the same", "there is no preference to learn: the loss stays at log 2", "Rafailov et al., 2023", "remove the row";
    EQUAL_NORMALIZED = Warning "preference.equal-but-for-form", "The sides differ in case, blanks or punctuation alone", "the form is what is learned", "Rafailov et al., 2023", "no safe fix: remove it, unless the form is meant";
    PROMPT_DIFFERS = Warning "preference.prompts-differ", "The sides have no prompt in common", "the answers are to different questions, or there is nothing to condition on", "TRL 1.16.0: implicit prompts are the common beginning", "no safe fix: write `prompt` explicitly";
    PROMPT_REPEATED = Warning "preference.prompt-repeated", "The answers repeat the prompt", "the prompt is then scored twice, and the model learns to repeat it", "TRL 1.16.0 dataset formats: explicit prompts stand once", "remove the prompt from both answers";
    REVERSED = Warning "preference.reversed-elsewhere", "The same pair stands the other way round in another row", "the two cancel each other", "Rafailov et al., 2023", "no safe fix: keep one of them";
    LENGTH_BIAS = Warning "preference.length-bias", "One side is longer throughout", "length is learned instead of the preference", "Singhal et al., 2023; Park et al., 2024", "no safe fix: balance the lengths, or use a loss with a length term";
    LENGTH_UNCERTAIN = Note "preference.length-bias-uncertain", "One side is much longer, in too few pairs to be certain", "length is learned instead of the preference", "Singhal et al., 2023", "no safe fix: collect more pairs, or balance the lengths";
}

checks! {
    KINDS;
    KTO_LABEL = Error "kto.label-not-bool", "A label that is neither true nor false", "LLaMA-Factory takes Python's bool alone; TRL stops", "LLaMA-Factory 0.9.5 converter", "write true or false";
    KTO_ONE_CLASS = Error "kto.one-class", "All labels are the same", "TRL refuses the file, and there is nothing to tell apart", "trl PR 1724", "no safe fix: add rows of the other class";
    KTO_RATIO = Note "kto.ratio", "The two classes are out of balance", "TRL advises weights so that desirable to undesirable is between 1:1 and 4:3", "TRL 1.16.0 KTOTrainer; trl issue 1467", "set desirable_weight and undesirable_weight";
    SCORE_TYPE = Error "reward.score-type", "A score that is no finite number", "the loss becomes NaN or the trainer stops", "TRL 1.16.0 RewardTrainer", "remove the row";
    SCORE_SCALE = Warning "reward.score-scale", "Scores on two scales", "the larger scale outweighs the other", "ranges of scores over the file", "no safe fix: bring them to one scale";
    STEPS_LENGTH = Error "stepwise.lengths", "Not as many labels as steps", "TRL stops or pairs labels with other steps", "TRL 1.16.0 PRMTrainer", "no safe fix: correct the labels";
    INFILL_MIDDLE = Error "infill.empty-middle", "Nothing to fill in", "there is nothing to train", "Bavarian et al., 2022", "remove the row";
    INFILL_AROUND = Warning "infill.nothing-around", "Neither a prefix nor a suffix", "it is plain text then", "Bavarian et al., 2022", "remove the row, or train it as `text`";
    TOKENS_LENGTH = Error "tokens.lengths", "input_ids, attention_mask and labels of different lengths", "collators stop with an error", "transformers data collators", "no safe fix: tokenize again";
    TOKENS_NOTHING = Error "tokens.nothing-trained", "All labels are -100", "the loss is 0 or NaN", "trl issues 6668, 1053", "remove the row";
    EMPTY_TEXT = Warning "row.empty-text", "A text with nothing or blanks in it", "there is nothing to train, or the end token alone", "TRL 1.16.0 adds the end token", "remove the row";
    EMPTY_COMPLETION = Warning "row.empty-completion", "A completion with nothing or blanks in it", "the model learns to end at once", "TRL 1.16.0 adds the end token", "remove the row";
    FIELD_TYPE = Error "row.field-type", "A field of a type that trainers do not take", "trainers stop with an error, or drop the row", "TRL 1.16.0, LLaMA-Factory 0.9.5; its issue 4249", "write it as text";
    MEDIA_COUNT = Error "media.placeholders", "Not as many placeholders as files", "LLaMA-Factory stops: the number of images does not match", "LLaMA-Factory 0.9.5 mm_plugin", "no safe fix: correct the placeholders";
    MEDIA_MISSING = Warning "media.file-missing", "A file that is not there", "the row fails while it is loaded", "looked for beside the data file", "correct the path";
    INFO_FILE = Error "info.file-missing", "A data set whose file is not there", "LLaMA-Factory stops: the file is not found", "LLaMA-Factory 0.9.5 data loader", "correct file_name";
    INFO_COLUMN = Warning "info.unknown-column", "A column that LLaMA-Factory does not know", "it is left out without a word, and the standard name is looked for", "LLaMA-Factory 0.9.5 DatasetAttr", "correct the name: prompt, query, response, messages, system, tools, images, chosen, rejected, kto_tag";
    DUPLICATE = Note "set.duplicate-rows", "Rows that are the same as an earlier one", "they are learned more often than others, and may stand in both splits", "Lee et al., 2022", "remove all but one";
    TWO_ANSWERS = Note "set.two-answers", "One prompt with different answers", "the answers contradict each other, unless variety is meant", "prompts compared without case and blanks", "no safe fix: keep the answer that is right";
    LENGTH_SPREAD = Note "set.length-spread", "One row is many times longer than the median", "it decides the memory of its batch, or is cut", "mlx-examples issue 1076, torchtune issue 2830", "no safe fix: see `data lengths`, and set a cutoff";
}

//! What stands in texts.

use super::checks;

checks! {
    WORDING;
    SPECIAL_TOKENS = Warning "text.special-tokens", "A control token of a chat template within a text", "tokenizers turn it into the control token: a turn ends or begins where nobody meant it", "transformers issue 29279, PR 47386", "no safe fix: put a space or a zero-width space into it, if the text is about such tokens";
    TEMPLATE_APPLIED = Warning "text.template-applied", "A message that already holds a rendered conversation", "the template is put around it once more", "public chat sets; Open R1 PR 462", "no safe fix: split it into messages, or train it as `text`";
    BOS = Warning "text.begins-with-bos", "The text begins with the token that begins a text", "tokenizers that add it themselves make two of it", "DeepSeek-R1 issue 151, open-r1 PR 462, OpenRLHF issue 393", "remove it";
    MIXED_MARKS = Warning "text.templates-mixed", "Rows of one file are written with the marks of different chat templates", "marks that are not the model's are plain text to it and are learned as such", "LLaMA-Factory issues 2509, 5834, 10396", "no safe fix: write all rows with the template of the model that is trained";
    NO_END = Warning "text.no-end-mark", "A text without the end mark that other rows have", "the model does not learn to stop there", "stanford_alpaca issue 126, trl issue 734", "add the end mark of the other rows";
    CONTROL = Warning "text.control-characters", "Control characters in text", "they are trained on; most come from faulty extraction", "Unicode: C0 and C1 controls", "remove them";
    REPLACEMENT = Warning "text.replacement-character", "U+FFFD, which stands for what could not be decoded", "the text was damaged before, and the model learns the damage", "Unicode standard: U+FFFD", "no safe fix: decode the source with its right encoding";
    MOJIBAKE = Warning "text.mojibake", "UTF-8 that was read as Latin-1, such as Ã© for é", "the model learns the damage", "ftfy", "decode it again: text.encode('latin-1').decode('utf-8')";
    INVISIBLE = Warning "text.invisible-characters", "Zero-width or direction marks in text", "they change tokens without being seen, and hide text from a reader", "Unicode TR 36", "remove U+200B, U+2060, U+FEFF, U+202A to U+202E and U+2066 to U+2069";
    LINE_SEPARATOR = Note "text.line-separator", "U+2028 or U+2029 in text", "loaders take it; Python's splitlines and some editors break lines there", "Unicode; measured with six loaders", "replace it with a line end";
    BOILERPLATE = Warning "text.boilerplate", "One line stands in over a fifth of all texts", "it is learned far more often than anything else", "CCNet, Dolma: paragraph deduplication", "remove the line";
}

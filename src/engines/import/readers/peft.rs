//! An adapter's `adapter_config.json`.

use super::{lora_method, targets};
use crate::import::document::Document;
use crate::import::fields::Fields;

pub fn read(document: &mut Document<'_>, fields: &mut Fields) {
    fields.model = document.text("base_model_name_or_path");
    let kind = document.text("peft_type").unwrap_or_default();
    let dora = document.flag("use_dora") == Some(true);
    let rank_stabilized = document.flag("use_rslora") == Some(true);
    let init = document.peek("init_lora_weights").filter(|word| word != "true" && word != "false").unwrap_or_default();
    document.take("init_lora_weights");
    fields.method = Some(match kind.as_str() {
        "LORA" => lora_method(dora, rank_stabilized, &init, false),
        "IA3" => "ia3".to_owned(),
        "PROMPT_TUNING" => "prompt".to_owned(),
        "PREFIX_TUNING" => "prefix".to_owned(),
        "P_TUNING" => "p-tuning".to_owned(),
        other => other.to_ascii_lowercase().replace('_', "-"),
    });
    fields.rank = document.count("r").or_else(|| document.count("init_r"));
    fields.alpha = document.number("lora_alpha").or_else(|| document.number("alpha"));
    fields.dropout = document.number("lora_dropout");
    fields.trained_whole = super::trained_whole(document, "modules_to_save");
    fields.targets = document.words("target_modules").map(|modules| targets(&modules));
}

//! MLX-LM 0.32: its `scale` is α / rank.

use super::{optimizer, recomputed, targets};
use crate::import::document::Document;
use crate::import::fields::Fields;

pub fn read(document: &mut Document<'_>, fields: &mut Fields) {
    fields.model = document.text("model");
    fields.method = Some(document.text("fine_tune_type").unwrap_or_else(|| "lora".to_owned()));
    fields.rank = document.count("lora_parameters.rank");
    fields.dropout = document.number("lora_parameters.dropout");
    let scale = document.number("lora_parameters.scale");
    fields.alpha = scale.zip(fields.rank).map(|(scale, rank)| scale * rank as f64);
    if document.is_set("lora_parameters.alpha") {
        document.idle("lora_parameters.alpha");
        document.remark("lora_parameters.alpha", "MLX-LM does not read `alpha`; it reads `scale`, which is α / rank");
    }
    fields.targets = document.words("lora_parameters.keys").map(|modules| targets(&modules));
    if fields.method.as_deref() == Some("full") {
        (fields.rank, fields.alpha, fields.targets, fields.dropout) = (None, None, None, None);
    }
    fields.optimizer = document.text("optimizer").map(|word| optimizer(&word));
    fields.micro_batch = document.count("batch_size");
    fields.accumulation = document.count("grad_accumulation_steps");
    fields.sequence_length = document.count("max_seq_length");
    fields.checkpointing = document.flag("grad_checkpoint").map(recomputed);
    fields.learning_rate = document.number("learning_rate");
    fields.steps = document.count("iters");
    let mode = document.text("training_mode").or_else(|| document.text("train_mode"));
    fields.kind = Some(mode.unwrap_or_else(|| "sft".to_owned()));
}

//! Logits of a model folder with an adapter on it, for `tests/peft/check.py` to hold against PEFT's:
//! `cargo run --release --example preview_logits -- BASE_FOLDER ADAPTER_FOLDER OUT.safetensors TOKEN…`.
//! The base is taken as it is stored. Writes one tensor `logits`, `[tokens, vocabulary]`.

use candle_core::safetensors::save;
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use tuneplan::preview::adapter;
use tuneplan::preview::base_model::BaseModel;
use tuneplan::preview::model::Llama;
use tuneplan::preview::ops::Weight;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, folder, out, tokens @ ..] = &arguments[..] else {
        return Err("name the base, the adapter, the file to write, and tokens".into());
    };
    let tokens = tokens.iter().map(|word| word.parse()).collect::<Result<Vec<u32>, _>>()?;
    let base = BaseModel::open(Path::new(base))?;
    let (_, adapters) = adapter::load(Path::new(folder), &base.config)?;
    let model = Llama::new(base.config.clone(), &*base.source, |_, _, weight| Ok(Weight::Dense(weight)))?;
    let logits = model.logits(&tokens, tokens.len(), Some(&adapters))?;
    save(&HashMap::from([("logits", logits)]), out)?;
    Ok(())
}

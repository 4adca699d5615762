//! What formats do to outputs and loss: against the same figures computed otherwise.

use candle_core::Tensor;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tuneplan::preview::PreviewError;
use tuneplan::preview::base_format::BaseFormat;
use tuneplan::preview::base_model::BaseModel;
use tuneplan::preview::config::Part;
use tuneplan::preview::examples::base_text;
use tuneplan::preview::model::{Checkpoint as _, Llama};
use tuneplan::preview::ops::Weight;
use tuneplan::preview::pass::{Batch, Pass};
use tuneplan::preview::quality::{Format, News, Quality, measure};
use tuneplan::quantize::Codec;
use tuneplan::quantize::gguf::Kind;

/// Two short windows: enough to compare.
fn text() -> Batch {
    let Batch { tokens, targets, length } = base_text();
    Batch { tokens: tokens[..2 * length].to_vec(), targets: targets[..2 * length].to_vec(), length }
}

fn measured(base: &BaseModel, text: &Batch, formats: &[Format]) -> (f64, Vec<Quality>) {
    let (mut stored, mut found) = (f64::NAN, Vec::new());
    measure(base, text, formats, &|| false, &mut |news| match news {
        News::Stored(loss) => stored = loss,
        News::Format(quality) => found.push(*quality),
        News::Layers(done, all) => assert!(done <= all),
    })
    .unwrap();
    (stored, found)
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn outputs_and_loss_are_those_of_the_quantized_model() {
    let base = BaseModel::embedded().unwrap();
    let text = text();
    let codecs = [Codec::Bf16, Codec::Nf4, Codec::Gguf(Kind::Q2K)];
    let formats: Vec<Format> = codecs.into_iter().map(Format::Weights).chain([Format::LlmInt8]).collect();
    let (stored, found) = measured(&base, &text, &formats);
    assert_eq!(found.len(), 4);
    // What goes into each linear layer of the model as it is stored.
    let dense = |_, _, weight| Ok(Weight::Dense(weight));
    let model = Llama::new(base.config.clone(), &*base.source, dense).unwrap();
    let inputs: RefCell<BTreeMap<(usize, Part), Tensor>> = RefCell::new(BTreeMap::new());
    let observe = |layer: usize, part: Part, x: &Tensor| {
        inputs.borrow_mut().insert((layer, part), x.clone());
        Ok(())
    };
    let pass = Pass { observe: Some(&observe), ..Pass::default() };
    assert!((model.evaluate(&text, pass).unwrap().loss - stored).abs() < 1e-12);
    let inputs = inputs.into_inner();
    assert_eq!(inputs.len(), 4 * 7);
    for (codec, quality) in codecs.into_iter().zip(&found) {
        let format = if codec == Codec::Bf16 { BaseFormat::Bf16 } else { BaseFormat::Packed(codec) };
        let quantized = Llama::new(base.config.clone(), &*base.source, |_, _, weight| format.pack(&weight)).unwrap();
        let loss = quantized.evaluate(&text, Pass::default()).unwrap().loss;
        assert!((quality.loss.clone().unwrap() - loss).abs() < 1e-9, "{codec:?}");
        for ((layer, part), x) in &inputs {
            let name = format!("{}.weight", part.path(*layer));
            let exact = base.source.tensor(&name).unwrap().unwrap();
            let held = format.pack(&exact).unwrap().values().unwrap();
            let outputs = |weight: &Tensor| values(&x.matmul(&weight.t().unwrap()).unwrap());
            let (exact, held) = (outputs(&exact), outputs(&held));
            let noise: f64 = exact.iter().zip(&held).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let signal: f64 = exact.iter().map(|a| f64::from(*a).powi(2)).sum();
            let (found, wanted) = (quality.outputs[&name], noise / signal);
            assert!((found - wanted).abs() < 1e-6 * wanted + 1e-12, "{codec:?} {name}: {found} {wanted}");
        }
    }
    // It is stored in BF16: nothing is lost, and two bits lose more than four.
    assert_eq!(found[0].loss.clone().unwrap(), stored);
    assert!(found[0].mean_output_error() == Some(0.0));
    assert!(found[1].mean_output_error() < found[2].mean_output_error());
    // Integers for activations too lose more than 8-bit weights alone, and less than 4-bit weights.
    let eight = measured(&base, &text, &[Format::Weights(Codec::Int8Rows)]).1[0].mean_output_error();
    let both = found[3].mean_output_error();
    assert!(eight < both && both < found[1].mean_output_error(), "{eight:?} {both:?}");
}

#[test]
fn a_format_that_does_not_take_the_rows_is_told_and_the_others_go_on() {
    // Rows of 16 and 24 values are no blocks of 256.
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let found =
        tuneplan::preview::model::read_weights(Path::new("tests/fixtures/families/mistral.safetensors")).unwrap();
    let weights = found.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("weights.")?.to_owned(), tensor)));
    let weights: std::collections::HashMap<String, Tensor> = weights.map(|(n, t)| (n, t.clone())).collect();
    candle_core::safetensors::save(&weights, folder.join("model.safetensors")).unwrap();
    std::fs::copy("tests/fixtures/families/mistral.json", folder.join("config.json")).unwrap();
    std::fs::copy("tests/fixtures/chat/tokenizer.json", folder.join("tokenizer.json")).unwrap();
    let base = BaseModel::open(folder).unwrap();
    let tokens: Vec<u32> = (0..20).map(|i| i % 40).collect();
    let text = Batch { targets: tokens.clone(), tokens, length: 20 };
    let formats = [Format::Weights(Codec::Gguf(Kind::Q4K)), Format::Weights(Codec::Int8)];
    let (stored, found) = measured(&base, &text, &formats);
    assert!(found[0].loss.as_ref().unwrap_err().contains("multiple of 256"));
    assert!((found[1].loss.clone().unwrap() - stored).abs() < 0.01);
    // A text that is no text, or too short, is refused in words.
    let path = folder.join("text.txt");
    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert!(base.text(&path).unwrap_err().to_string().contains("UTF-8"));
    std::fs::write(&path, "short").unwrap();
    let embedded = BaseModel::embedded().unwrap();
    assert!(embedded.text(&path).unwrap_err().to_string().contains("a window needs 129"));
    // Its tokenizer has more tokens than its table has rows.
    assert!(base.text(&path).unwrap_err().to_string().contains("not the model's"));
    assert!(base.text(&folder.join("none.txt")).unwrap_err().to_string().contains("none.txt"));
}

#[test]
fn it_stops_when_it_is_told_to() {
    let base = BaseModel::embedded().unwrap();
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::SeqCst) > 3;
    let ended = measure(&base, &text(), &[Format::LlmInt8], &stop, &mut |_| {});
    assert!(matches!(ended, Err(PreviewError::Cancelled)));
    assert!(asked.load(Ordering::SeqCst) < 8);
}

//! The base model: values in their formats, and what belongs to quantization beside them.

use super::super::setup::Setup;
use super::super::shape::{BaseTensor, Part, layer_tensors, outer_tensors};
use super::super::step::second_model;
use super::super::storage::{
    BNB_BLOCK, BNB_CODE, BNB_SCALE_BLOCK, BNB_SCALE_CODE, Storage, element_bits, tensor_bytes,
};
use crate::explained::{Explained, Term};
use crate::units::{Bytes, grouped};

/// Groups of tensors a person thinks in.
const GROUPS: [&str; 5] =
    ["Token table and positions", "Linear layers", "Routed experts", "Norms, biases and other vectors", "Output head"];

const fn group_of(part: Part) -> usize {
    match part {
        Part::Embedding | Part::EmbeddingExtra => 0,
        Part::Linear => 1,
        Part::Experts => 2,
        Part::Bias | Part::Vector | Part::FinalNorm => 3,
        Part::Head | Part::HeadBias => 4,
    }
}

/// Calls `visit` for every tensor of the base model that is here, with how often it is there.
fn each_tensor(setup: &Setup<'_>, mut visit: impl FnMut(BaseTensor, u64)) {
    let architecture = setup.architecture;
    for group in &architecture.layers {
        layer_tensors(&group.layer, architecture.hidden_size, &architecture.model_code, |tensor| {
            visit(tensor, tensor.copies.saturating_mul(group.count));
        });
    }
    outer_tensors(architecture, setup.ends, |tensor| visit(tensor, tensor.copies));
}

/// Weights by group and width.
pub fn weight_parts(setup: &Setup<'_>) -> Vec<Explained> {
    // Group, bits of a value, values, bytes.
    let mut sums: Vec<(usize, f64, u64, u64)> = Vec::with_capacity(8);
    each_tensor(setup, |tensor, copies| {
        let (group, bits) = (group_of(tensor.part), element_bits(setup, tensor.part));
        let values = tensor.rows.saturating_mul(tensor.columns).saturating_mul(copies);
        let bytes = tensor_bytes(setup, tensor).values.saturating_mul(copies);
        match sums.iter_mut().find(|sum| sum.0 == group && sum.1.to_bits() == bits.to_bits()) {
            Some(sum) => (sum.2, sum.3) = (sum.2.saturating_add(values), sum.3.saturating_add(bytes)),
            None => sums.push((group, bits, values, bytes)),
        }
    });
    sums.sort_by_key(|sum| sum.0);
    let mean = matches!(setup.storage, Storage::Mean(_));
    let part = |(group, bits, values, bytes): (usize, f64, u64, u64)| {
        let plain = payload(Term::count("values", values), bits, mean).down();
        let rounding = bytes.saturating_sub(plain.whole());
        let rounding =
            (rounding > 0).then(|| Term::bytes("rounding", Bytes(rounding)).note("every tensor ends at a whole byte"));
        Explained::bytes(GROUPS[group], plain.plus(rounding))
    };
    sums.into_iter().map(part).collect()
}

/// Bytes of `values` in so many bits.
fn payload(values: Term, bits: f64, mean: bool) -> Term {
    let width = bits / 8.0;
    if width >= 1.0 && width.fract() == 0.0 {
        return values * Term::count("bytes", width as u64).note("per value");
    }
    let each = if bits.fract() == 0.0 { Term::count("bits", bits as u64) } else { Term::factor("bits", bits) };
    let each = if mean { each.note("per value, the mean of the file").rough() } else { each.note("per value") };
    values * each / Term::from(8)
}

/// Bytes of a matrix of `rows × columns` values as `storage` packs it, without scales.
pub fn packed(storage: &Storage<'_>, values: Term) -> Term {
    payload(values, storage.element_bits(), matches!(storage, Storage::Mean(_))).up()
}

/// Scales and code tables of one matrix; `None`: it has none.
pub fn scales(storage: &Storage<'_>, rows: Term, columns: Term, values: Term) -> Option<Term> {
    match storage {
        Storage::Float(_) | Storage::Mean(_) => None,
        Storage::BitsAndBytes4 { double } => {
            let blocks = (values / Term::from(BNB_BLOCK)).up();
            let tables = Term::bytes("tables", Bytes(if *double { BNB_CODE + BNB_SCALE_CODE } else { BNB_CODE }));
            Some(if *double {
                let second = (blocks.clone() / Term::from(BNB_SCALE_BLOCK)).up();
                blocks + Term::from(4) * second + tables.note("levels of values and of scales, an offset")
            } else {
                Term::from(4) * blocks + tables.note("levels of values")
            })
        }
        Storage::Blocks(format) | Storage::Gguf(format) => {
            let bits = |name, bits: f64| (values.clone() * Term::factor(name, bits) / Term::from(8)).up();
            let plain = packed(storage, values.clone());
            let whole = match (format.block_size, format.block_bytes) {
                (Some(size), Some(bytes)) if size > 0 => {
                    let blocks = (columns / Term::count("block", size).note("values of a row")).up();
                    Some(rows.clone() * blocks * Term::count("block bytes", bytes))
                }
                _ if format.effective_bits > format.element_bits => {
                    Some(bits("bits with scales", format.effective_bits))
                }
                _ => None,
            };
            let beside = whole.filter(|whole| whole.whole() > plain.whole()).map(|whole| whole - plain);
            let of_rows = (format.row_scale_bits >= 8)
                .then(|| rows * Term::count("row scale", format.row_scale_bits / 8).note("bytes of a row's scale"));
            match (beside, of_rows) {
                (Some(beside), of_rows) => Some(beside.plus(of_rows)),
                (None, of_rows) => of_rows,
            }
        }
    }
}

/// Scales and code tables by shape of matrix.
pub fn constant_parts(setup: &Setup<'_>) -> Vec<Explained> {
    let mut shapes: Vec<(u64, u64, u64)> = Vec::new();
    if setup.storage.is_quantized() {
        each_tensor(setup, |tensor, copies| {
            if tensor_bytes(setup, tensor).constants == 0 {
                return;
            }
            match shapes.iter_mut().find(|shape| (shape.0, shape.1) == (tensor.rows, tensor.columns)) {
                Some(shape) => shape.2 = shape.2.saturating_add(copies),
                None => shapes.push((tensor.rows, tensor.columns, copies)),
            }
        });
    }
    let part = |(rows, columns, copies): (u64, u64, u64)| {
        let values = Term::count("values", rows.saturating_mul(columns)).note("of one");
        let one = scales(&setup.storage, Term::count("rows", rows), Term::count("columns", columns), values)?;
        let title = format!("Matrices of {} × {}", grouped(rows), grouped(columns));
        Some(Explained::bytes(title, Term::count("matrices", copies) * one))
    };
    shapes.into_iter().filter_map(part).collect()
}

/// Weights of the base model.
pub fn weights(setup: &Setup<'_>) -> Explained {
    let why = if setup.storage.is_quantized() {
        "Only the linear layers are quantized; token table, head, norms and biases stay in 16 bits, or 32 where the \
         plan raises them. The whole model is on the device before the first step."
    } else {
        "The whole model is on the device before the first step, trained or not."
    };
    let mut parts = weight_parts(setup);
    if let Some((title, second)) = second_model(setup).filter(|_| setup.training) {
        parts.push(Explained::sum(title, weight_parts(&second)));
    }
    Explained::sum("Weights", parts)
        .why(why)
        .source("shapes of the model's tensors; layouts of bitsandbytes 0.50 and ggml")
}

/// Scales and code tables.
pub fn constants(setup: &Setup<'_>) -> Explained {
    let why = match setup.storage {
        Storage::BitsAndBytes4 { double: true } => {
            "Every 64 weights share a scale. Double quantization holds the scales in 8 bits with one FP32 scale for \
             256 of them, two code tables and an offset per matrix."
        }
        Storage::Float(_) => "A float format needs no scales.",
        _ => "Weights in few bits need scales to be turned back into numbers.",
    };
    let mut parts = constant_parts(setup);
    if let Some((title, second)) = second_model(setup).filter(|_| setup.training) {
        parts.push(Explained::sum(title, constant_parts(&second)));
    }
    Explained::sum("Quantization constants", parts).why(why).source("bitsandbytes 0.50 functional.py; ggml-common.h")
}

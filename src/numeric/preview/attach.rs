//! A model with adapters beside it, begun the way the settings say: the base is quantized here, since PiSSA and LoftQ change
//! what is quantized.

use super::Result;
use super::base_format::BaseFormat;
use super::config::{LlamaConfig, unsuitable};
use super::lora::{Adapter, Adapters, Init, LoraSettings, Random};
use super::model::{Checkpoint, Llama};
use super::ops::Weight;
use crate::linear_algebra::svd;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::BTreeMap;

/// A model with its adapters.
#[derive(Debug)]
pub struct Attached {
    /// With the linear layers as they stand beside the adapters.
    pub model: Llama,
    /// As they begin.
    pub adapters: Adapters,
    /// A copy of them where the base was changed for them.
    pub start: Option<Adapters>,
}

/// Quantizes the linear layers of a checkpoint and puts adapters beside the targets. The same seed gives the same everywhere.
///
/// # Errors
/// A format that does not take the linear layers, settings that contradict each other.
pub fn attach(
    config: LlamaConfig,
    weights: &dyn Checkpoint,
    base: BaseFormat,
    settings: &LoraSettings,
) -> Result<Attached> {
    check(base, settings)?;
    let mut random = Random(settings.seed);
    let mut by_place = BTreeMap::new();
    let model = Llama::new(config, weights, |layer, part, weight| {
        let named = |error| unsuitable(format!("{}: {error}", part.path(layer)));
        if !settings.targets.contains(&part) {
            return base.pack(&weight).map_err(named);
        }
        let start = begin(&weight, base, settings, &mut random).map_err(named)?;
        let magnitude = if settings.dora {
            let sum = (start.weight.values()? + (start.b.matmul(&start.a)? * settings.scale())?)?;
            Some(Var::from_tensor(&sum.sqr()?.sum(1)?.sqrt()?)?)
        } else {
            None
        };
        let adapter = Adapter { a: Var::from_tensor(&start.a)?, b: Var::from_tensor(&start.b)?, magnitude };
        by_place.insert((layer, part), adapter);
        Ok(start.weight)
    })?;
    let adapters = Adapters::of(settings.scale(), by_place);
    let start = if settings.init == Init::Kaiming { None } else { Some(copied(&adapters)?) };
    Ok(Attached { model, adapters, start })
}

fn check(base: BaseFormat, settings: &LoraSettings) -> Result<()> {
    let refused = |message: &str| Err(unsuitable(message.to_owned()));
    if settings.rank == 0 {
        return refused("adapters of rank 0 learn nothing: choose a rank of at least 1");
    }
    if settings.targets.is_empty() {
        return refused("no linear layer is a target: nothing would be trained");
    }
    if !(0.0..1.0).contains(&settings.dropout) {
        return refused("the dropout is a probability from 0 to below 1");
    }
    if settings.dora && settings.init != Init::Kaiming {
        // The difference of two DoRA adapters is no adapter.
        return refused(
            "DoRA takes the initialization zero (Kaiming) here: with PiSSA or LoftQ what it learns is no adapter for the base",
        );
    }
    match (settings.init, base) {
        (Init::Loftq { .. }, BaseFormat::Fp32 | BaseFormat::Bf16) => {
            refused("LoftQ is initialized from the quantization error: choose a quantized base, such as nf4")
        }
        (Init::Loftq { iterations: 0 }, _) => refused("LoftQ takes at least 1 iteration"),
        _ => Ok(()),
    }
}

/// One linear layer and its factors as they begin.
#[derive(Debug)]
pub struct Start {
    /// What stands beside the factors.
    pub weight: Weight,
    /// A, `[r, in]`.
    pub a: Tensor,
    /// B, `[out, r]`.
    pub b: Tensor,
}

/// Begins an adapter of `weight`, `[out, in]`.
pub fn begin(weight: &Tensor, base: BaseFormat, settings: &LoraSettings, random: &mut Random) -> Result<Start> {
    let (out, inner) = weight.dims2()?;
    let scale = settings.scale();
    match settings.init {
        Init::Kaiming => {
            let bound = 1.0 / (inner as f64).sqrt();
            let values: Vec<f32> = (0..settings.rank * inner).map(|_| (random.signed_unit() * bound) as f32).collect();
            let a = Tensor::from_vec(values, (settings.rank, inner), &Device::Cpu)?;
            let b = Tensor::zeros((out, settings.rank), DType::F32, &Device::Cpu)?;
            Ok(Start { weight: base.pack(weight)?, a, b })
        }
        Init::Pissa => {
            let (a, b) = best_factors(weight, settings.rank, scale)?;
            let rest = (weight - (b.matmul(&a)? * scale)?)?;
            Ok(Start { weight: base.pack(&rest)?, a, b })
        }
        Init::Loftq { iterations } => {
            let mut packed = base.pack(weight)?;
            let (mut a, mut b) = best_factors(&(weight - packed.values()?)?, settings.rank, scale)?;
            for _ in 1..iterations {
                packed = base.pack(&(weight - (b.matmul(&a)? * scale)?)?)?;
                (a, b) = best_factors(&(weight - packed.values()?)?, settings.rank, scale)?;
            }
            Ok(Start { weight: packed, a, b })
        }
    }
}

/// A and B with `s · B A` the best approximation of its rank: both get the root of each singular value over s. (PEFT leaves
/// out the scale for LoftQ, which is right only where it is 1.)
fn best_factors(matrix: &Tensor, rank: usize, scale: f64) -> Result<(Tensor, Tensor)> {
    let (rows, columns) = matrix.dims2()?;
    let values: Vec<f32> = matrix.flatten_all()?.to_vec1()?;
    let found = svd(&values, rows, columns, rank)?;
    let mut a = vec![0.0_f32; rank * columns];
    let mut b = vec![0.0_f32; rows * rank];
    // A rank beyond the shorter side has no more directions; the rest stays zero.
    for (index, value) in found.values.iter().enumerate() {
        let root = (value / scale).sqrt();
        for (a, right) in a[index * columns..].iter_mut().zip(&found.right[index]) {
            *a = (root * right) as f32;
        }
        for (b, left) in b.iter_mut().skip(index).step_by(rank).zip(&found.left[index]) {
            *b = (root * left) as f32;
        }
    }
    let a = Tensor::from_vec(a, (rank, columns), &Device::Cpu)?;
    Ok((a, Tensor::from_vec(b, (rows, rank), &Device::Cpu)?))
}

fn copied(adapters: &Adapters) -> Result<Adapters> {
    let copy = |variable: &Var| Var::from_tensor(&variable.as_tensor().copy()?);
    let by_place = adapters.iter().map(|(place, adapter)| {
        let magnitude = adapter.magnitude.as_ref().map(copy).transpose()?;
        Ok((*place, Adapter { a: copy(&adapter.a)?, b: copy(&adapter.b)?, magnitude }))
    });
    Ok(Adapters::of(adapters.scale, by_place.collect::<Result<_>>()?))
}

/// The adapter that adds to the original base what training added to the changed one: `B A − B₀ A₀` is `[B, −B₀] [A; A₀]`,
/// of twice the rank and the same scale.
pub fn difference(settings: &LoraSettings, now: &Adapters, start: &Adapters) -> Result<(LoraSettings, Adapters)> {
    let by_place = now.iter().map(|((layer, part), now)| {
        let before = start.get(*layer, *part).ok_or_else(|| unsuitable("an adapter has no start".to_owned()))?;
        let a = Tensor::cat(&[now.a.as_tensor(), before.a.as_tensor()], 0)?;
        let b = Tensor::cat(&[now.b.as_tensor(), &before.b.as_tensor().neg()?], 1)?;
        Ok(((*layer, *part), Adapter { a: Var::from_tensor(&a)?, b: Var::from_tensor(&b)?, magnitude: None }))
    });
    let rank = 2 * settings.rank;
    let alpha = settings.scale() * if settings.rank_stabilized { (rank as f64).sqrt() } else { rank as f64 };
    let adapters = Adapters::of(settings.scale(), by_place.collect::<Result<_>>()?);
    Ok((LoraSettings { rank, alpha, init: Init::Kaiming, ..settings.clone() }, adapters))
}

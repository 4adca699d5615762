//! Low-rank adapters beside frozen weights: `y = W x + s · B (A x)`, s = α / r or α / √r (Hu et al., 2021), and DoRA, where
//! each row of `W + s · B A` also gets a length of its own (Liu et al., 2024).

use super::Result;
use super::config::Part;
use super::ops::{Dropout, FrozenWeight, dropout, frozen_linear};
use candle_core::{Tensor, Var};
use std::collections::BTreeMap;

/// What the factors begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Init {
    /// A uniform in ±1/√in (Kaiming with a = √5), B zero: nothing is changed at first.
    #[default]
    Kaiming,
    /// The largest singular directions of W, which leave the base (PiSSA; Meng et al., 2024).
    Pissa,
    /// The largest singular directions of what quantization lost, in turns with quantizing (LoftQ; Li et al., 2023).
    Loftq {
        /// Turns.
        iterations: usize,
    },
}

impl Init {
    /// Word on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Kaiming => "kaiming",
            Self::Pissa => "pissa",
            Self::Loftq { .. } => "loftq",
        }
    }
}

/// Settings of the adapters.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraSettings {
    /// Rank r.
    pub rank: usize,
    /// Numerator of the scale.
    pub alpha: f64,
    /// The scale is α / √r instead of α / r.
    pub rank_stabilized: bool,
    /// Probability with which a value that goes into A is dropped in training, 0 to below 1.
    pub dropout: f64,
    /// Rows have trained lengths (DoRA).
    pub dora: bool,
    /// What the factors begin with.
    pub init: Init,
    /// Adapted maps.
    pub targets: Vec<Part>,
    /// Seed of the random start of A.
    pub seed: u64,
}

impl Default for LoraSettings {
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 16.0,
            rank_stabilized: false,
            dropout: 0.0,
            dora: false,
            init: Init::Kaiming,
            targets: Part::ALL.to_vec(),
            seed: 1,
        }
    }
}

impl LoraSettings {
    /// s.
    pub fn scale(&self) -> f64 {
        let rank = self.rank.max(1) as f64;
        if self.rank_stabilized { self.alpha / rank.sqrt() } else { self.alpha / rank }
    }
}

/// What is trained beside one map.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// `[r, in]`.
    pub a: Var,
    /// `[out, r]`.
    pub b: Var,
    /// Lengths of the rows, `[out]`, with DoRA.
    pub magnitude: Option<Var>,
}

impl Adapter {
    /// `y`, which is `W x`, with what the adapter adds.
    fn beside(
        &self,
        y: &Tensor,
        x: &Tensor,
        weight: &FrozenWeight,
        scale: f64,
        drop: Option<Dropout>,
    ) -> Result<Tensor> {
        let dropped = drop.map(|drop| dropout(x, drop)).transpose()?;
        // Scaled while it is narrow.
        let low = (dropped.as_ref().unwrap_or(x).matmul(&self.a.t()?)? * scale)?;
        let update = low.matmul(&self.b.t()?)?;
        let Some(magnitude) = &self.magnitude else { return Ok((y + update)?) };
        let factor = (magnitude.as_tensor() / self.lengths(&weight.values()?, scale)?)?;
        match dropped {
            None => Ok((y + update)?.broadcast_mul(&factor)?),
            // As peft 0.21 does it: the base's part of the change goes through the dropped values too.
            Some(dropped) => {
                let change = frozen_linear(&dropped, weight)?.broadcast_mul(&(&factor - 1.0)?)?;
                Ok(((y + change)? + update.broadcast_mul(&factor)?)?)
            }
        }
    }

    /// Lengths of the rows of `W + s · B A`; no gradient goes through them (section 4.3 of the paper).
    fn lengths(&self, weight: &Tensor, scale: f64) -> Result<Tensor> {
        Ok((weight + self.update(scale)?)?.sqr()?.sum(1)?.sqrt()?)
    }

    /// `s · B A`, `[out, in]`.
    fn update(&self, scale: f64) -> Result<Tensor> {
        Ok((self.b.as_tensor().detach().matmul(&self.a.as_tensor().detach())? * scale)?)
    }

    /// What is trained, in the order of optimizer and checkpoint.
    fn variables(&self) -> impl Iterator<Item = Var> {
        [self.a.clone(), self.b.clone()].into_iter().chain(self.magnitude.clone())
    }
}

/// Adapters by layer and map.
#[derive(Clone, Debug)]
pub struct Adapters {
    /// s.
    pub scale: f64,
    by_place: BTreeMap<(usize, Part), Adapter>,
}

impl Adapters {
    /// Adapters with given factors.
    pub const fn of(scale: f64, by_place: BTreeMap<(usize, Part), Adapter>) -> Self {
        Self { scale, by_place }
    }

    /// The adapter of a map, if it has one.
    pub fn get(&self, layer: usize, part: Part) -> Option<&Adapter> {
        self.by_place.get(&(layer, part))
    }

    /// All, by layer and map.
    pub fn iter(&self) -> impl Iterator<Item = (&(usize, Part), &Adapter)> {
        self.by_place.iter()
    }

    /// Everything that is trained, in one order for optimizer and checkpoint.
    pub fn variables(&self) -> Vec<Var> {
        self.by_place.values().flat_map(Adapter::variables).collect()
    }

    /// `y`, which is `W x`, with what the map's adapter adds, if it has one.
    pub fn beside(
        &self,
        (layer, part): (usize, Part),
        y: Tensor,
        x: &Tensor,
        weight: &FrozenWeight,
        drop: Option<Dropout>,
    ) -> Result<Tensor> {
        let Some(adapter) = self.get(layer, part) else { return Ok(y) };
        let drop = drop.map(|drop| drop.at((layer * Part::ALL.len() + part as usize) as u64));
        adapter.beside(&y, x, weight, self.scale, drop)
    }

    /// The map with its adapter merged into it, if it has one: `W + s · B A`, with DoRA each row at its length.
    pub fn merged(&self, (layer, part): (usize, Part), weight: &FrozenWeight) -> Result<Option<Tensor>> {
        let Some(adapter) = self.get(layer, part) else { return Ok(None) };
        let weight = weight.values()?;
        let sum = (&weight + adapter.update(self.scale)?)?;
        let Some(magnitude) = &adapter.magnitude else { return Ok(Some(sum)) };
        let factor = (magnitude.as_tensor().detach() / adapter.lengths(&weight, self.scale)?)?;
        Ok(Some(sum.broadcast_mul(&factor.unsqueeze(1)?)?))
    }
}

/// SplitMix64 (Steele et al., 2014): small, and the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in −1 to 1.
    pub fn signed_unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Uniform in 0 to `end` − 1; 0 for an empty range.
    pub const fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.bits() % end as u64) as usize }
    }
}

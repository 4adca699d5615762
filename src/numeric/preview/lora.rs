//! Low-rank adapters beside frozen weights: `y = W x + s · B (A x)`, s = α / r or α / √r (Hu et al., 2021), and DoRA, where
//! each row of `W + s · B A` also gets a length of its own (Liu et al., 2024).

use super::Result;
use super::config::Part;
use super::gradients::Gradients;
use super::ops::{Dropout, Weight, dropout, elementwise, narrow, weight_gradient};
use candle_core::{Tensor, Var};
use std::collections::BTreeMap;

/// Initialization of the factors.
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
    /// Initialization of the factors.
    pub init: Init,
    /// Adapted linear layers.
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

/// What is trained beside one linear layer.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// `[r, in]`.
    pub a: Var,
    /// `[out, r]`.
    pub b: Var,
    /// Lengths of the rows, `[out]`, with DoRA.
    pub magnitude: Option<Var>,
}

/// What an adapter keeps between forward and backward.
#[derive(Clone, Debug)]
pub struct Trace {
    /// `s · A x`, `[tokens, r]`.
    low: Tensor,
    /// What the rows' lengths were multiplied with, `[tokens, out]`, with DoRA.
    unscaled: Option<Tensor>,
}

/// Gradients of an adapter, and what goes back to its input.
pub struct Back {
    /// Of its input, the frozen linear layer's part included; `None` where nobody asks.
    pub x: Option<Tensor>,
    /// Of A.
    pub a: Tensor,
    /// Of B.
    pub b: Tensor,
    /// Of the rows' lengths.
    pub magnitude: Option<Tensor>,
}

impl Adapter {
    /// What the linear layer gives with the adapter beside it; `y` is `W x`.
    ///
    /// With DoRA and dropout as peft 0.21 does it: the base's part of the change goes through the dropped values too.
    fn forward(&self, y: &Tensor, x: &Tensor, weight: &Weight, site: Site) -> Result<(Tensor, Trace)> {
        let dropped = site.drop.map(|drop| dropout(x, drop)).transpose()?;
        let input = dropped.as_ref().unwrap_or(x);
        // Scaled while it is narrow.
        let low = narrow::narrowed(input, &self.a, site.scale)?;
        let Some(factor) = self.factor(weight, site.scale)? else {
            return Ok((narrow::with_update(y, &low, &self.b)?, Trace { low, unscaled: None }));
        };
        let (out, unscaled) = match &dropped {
            None => {
                let unscaled = narrow::with_update(y, &low, &self.b)?;
                (elementwise::by_column(&unscaled, &factor, |z, f| z * f)?, unscaled)
            }
            Some(dropped) => {
                let base = weight.times(dropped)?;
                let change = elementwise::by_column(&base, &factor, |z, f| z * (f - 1.0))?;
                let update = low.matmul(&self.b.t()?)?;
                let scaled = elementwise::by_column(&update, &factor, |z, f| z * f)?;
                let out = elementwise::sum(&elementwise::sum(y, &change)?, &scaled)?;
                (out, elementwise::sum(&base, &update)?)
            }
        };
        Ok((out, Trace { low, unscaled: Some(unscaled) }))
    }

    /// Gradients from that of what [`forward`](Self::forward) gave.
    fn backward(
        &self,
        dy: &Tensor,
        x: &Tensor,
        weight: &Weight,
        trace: &Trace,
        site: Site,
        wants_x: bool,
    ) -> Result<Back> {
        let dropped = site.drop.map(|drop| dropout(x, drop)).transpose()?;
        let input = dropped.as_ref().unwrap_or(x);
        let factor = self.factor(weight, site.scale)?;
        // The gradient of the update, and of the base's part.
        let of_update = match &factor {
            Some(factor) => elementwise::by_column(dy, factor, |dy, f| dy * f)?,
            None => dy.clone(),
        };
        let of_low = narrow::narrowed_back(&of_update, &self.b, site.scale)?;
        let magnitude = match (&self.magnitude, &trace.unscaled) {
            // y = m / n · z: its gradient by m is z / n.
            (Some(magnitude), Some(unscaled)) => {
                let by_factor = elementwise::column_sums(dy, unscaled)?;
                let lengths = self.lengths(&weight.values()?, site.scale)?;
                Some((by_factor / lengths)?.reshape(magnitude.shape())?)
            }
            _ => None,
        };
        let x = if wants_x {
            Some(match (&factor, site.drop) {
                (_, None) => narrow::with_product(&weight.back(&of_update)?, &of_low, &self.a)?,
                (None, Some(drop)) => {
                    let through_update = of_low.matmul(self.a.as_tensor())?;
                    elementwise::sum(&weight.back(dy)?, &dropout(&through_update, drop)?)?
                }
                (Some(factor), Some(drop)) => {
                    let change = weight.back(&elementwise::by_column(dy, factor, |dy, f| dy * (f - 1.0))?)?;
                    let dropped = dropout(&narrow::with_product(&change, &of_low, &self.a)?, drop)?;
                    elementwise::sum(&weight.back(dy)?, &dropped)?
                }
            })
        } else {
            None
        };
        let a = weight_gradient(&of_low, input)?;
        let b = weight_gradient(&of_update, &trace.low)?;
        Ok(Back { x, a, b, magnitude })
    }

    /// What the rows are multiplied by with DoRA: trained over actual length.
    fn factor(&self, weight: &Weight, scale: f64) -> Result<Option<Tensor>> {
        let Some(magnitude) = &self.magnitude else { return Ok(None) };
        Ok(Some((magnitude.as_tensor().detach() / self.lengths(&weight.values()?, scale)?)?))
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

/// Where an adapter stands in this pass.
#[derive(Clone, Copy)]
struct Site {
    scale: f64,
    drop: Option<Dropout>,
}

/// Adapters by layer and linear layer.
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

    /// The adapter of a linear layer, if it has one.
    pub fn get(&self, layer: usize, part: Part) -> Option<&Adapter> {
        self.by_place.get(&(layer, part))
    }

    /// All, by layer and linear layer.
    pub fn iter(&self) -> impl Iterator<Item = (&(usize, Part), &Adapter)> {
        self.by_place.iter()
    }

    /// Everything that is trained, in one order for optimizer and checkpoint.
    pub fn variables(&self) -> Vec<Var> {
        self.by_place.values().flat_map(Adapter::variables).collect()
    }

    /// Number of the first of an adapter's variables among all.
    fn first_variable(&self, place: (usize, Part)) -> usize {
        self.by_place.range(..place).map(|(_, adapter)| if adapter.magnitude.is_some() { 3 } else { 2 }).sum()
    }

    fn site(&self, (layer, part): (usize, Part), drop: Option<Dropout>) -> Site {
        let place = (layer * Part::ALL.len() + part as usize) as u64;
        Site { scale: self.scale, drop: drop.map(|drop| drop.at(place)) }
    }

    /// What a linear layer gives with its adapter, and what the adapter keeps; `None` where it has none. `y` is `W x`.
    pub fn forward(
        &self,
        place: (usize, Part),
        y: &Tensor,
        x: &Tensor,
        weight: &Weight,
        drop: Option<Dropout>,
    ) -> Result<Option<(Tensor, Trace)>> {
        let Some(adapter) = self.by_place.get(&place) else { return Ok(None) };
        adapter.forward(y, x, weight, self.site(place, drop)).map(Some)
    }

    /// Adds the gradients of a linear layer's adapter to `gradients`, and gives that of its input where it is wanted.
    #[allow(clippy::too_many_arguments, reason = "the values of one linear layer in backward")]
    pub fn backward(
        &self,
        place: (usize, Part),
        dy: &Tensor,
        x: &Tensor,
        weight: &Weight,
        trace: &Trace,
        drop: Option<Dropout>,
        wants_x: bool,
        gradients: &mut Gradients,
    ) -> Result<Option<Tensor>> {
        let Some(adapter) = self.by_place.get(&place) else { return Ok(None) };
        let back = adapter.backward(dy, x, weight, trace, self.site(place, drop), wants_x)?;
        let first = self.first_variable(place);
        gradients.add_at(first, back.a)?;
        gradients.add_at(first + 1, back.b)?;
        if let Some(magnitude) = back.magnitude {
            gradients.add_at(first + 2, magnitude)?;
        }
        Ok(back.x)
    }

    /// The linear layer with its adapter merged into it, if it has one: `W + s · B A`, with DoRA each row at its length.
    pub fn merged(&self, (layer, part): (usize, Part), weight: &Weight) -> Result<Option<Tensor>> {
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

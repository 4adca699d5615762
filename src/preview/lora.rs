//! Low-rank adapters beside frozen weights: `y = W x + s · B (A x)`, s = α / r or α / √r (Hu et al., 2021).

use super::Result;
use super::config::{LlamaConfig, Part};
use candle_core::{DType, Device, Tensor, Var};
use std::collections::BTreeMap;

/// Settings of the adapters.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraSettings {
    /// Rank r.
    pub rank: usize,
    /// Numerator of the scale.
    pub alpha: f64,
    /// The scale is α / √r instead of α / r.
    pub rank_stabilized: bool,
    /// Adapted maps.
    pub targets: Vec<Part>,
    /// Seed of the random start of A.
    pub seed: u64,
}

impl Default for LoraSettings {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, rank_stabilized: false, targets: Part::ALL.to_vec(), seed: 1 }
    }
}

impl LoraSettings {
    /// s.
    pub fn scale(&self) -> f64 {
        let rank = self.rank.max(1) as f64;
        if self.rank_stabilized { self.alpha / rank.sqrt() } else { self.alpha / rank }
    }
}

/// The two factors of one map.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// `[r, in]`.
    pub a: Var,
    /// `[out, r]`.
    pub b: Var,
}

/// Adapters by layer and map.
#[derive(Clone, Debug)]
pub struct Adapters {
    /// s.
    pub scale: f64,
    by_place: BTreeMap<(usize, Part), Adapter>,
}

impl Adapters {
    /// Fresh adapters: A uniform in ±1/√in (Kaiming with a = √5, as PEFT starts it), B zero. The same seed gives the
    /// same values everywhere.
    pub fn fresh(config: &LlamaConfig, settings: &LoraSettings) -> Result<Self> {
        let mut random = Random(settings.seed);
        let mut by_place = BTreeMap::new();
        for layer in 0..config.num_hidden_layers {
            for part in &settings.targets {
                let (out, inner) = config.shape_of(*part);
                let bound = 1.0 / (inner as f64).sqrt();
                let values: Vec<f32> =
                    (0..settings.rank * inner).map(|_| (random.signed_unit() * bound) as f32).collect();
                let a = Var::from_vec(values, (settings.rank, inner), &Device::Cpu)?;
                let b = Var::zeros((out, settings.rank), DType::F32, &Device::Cpu)?;
                by_place.insert((layer, *part), Adapter { a, b });
            }
        }
        Ok(Self { scale: settings.scale(), by_place })
    }

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
        self.by_place.values().flat_map(|adapter| [adapter.a.clone(), adapter.b.clone()]).collect()
    }

    /// `s · B (A x)` of a map without one is nothing.
    pub fn add_to(&self, y: Tensor, x: &Tensor, layer: usize, part: Part) -> Result<Tensor> {
        let Some(adapter) = self.get(layer, part) else { return Ok(y) };
        let low = x.matmul(&adapter.a.t()?)?;
        let update = (low.matmul(&adapter.b.t()?)? * self.scale)?;
        Ok((y + update)?)
    }

    /// `s · B A` as `[out, in]`, to be merged.
    pub fn update(&self, layer: usize, part: Part) -> Result<Option<Tensor>> {
        let Some(adapter) = self.get(layer, part) else { return Ok(None) };
        Ok(Some((adapter.b.as_tensor().matmul(adapter.a.as_tensor())? * self.scale)?.detach()))
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

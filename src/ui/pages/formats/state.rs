//! What is being tried on the page of formats. It belongs to the screen, not to the plan.

use crate::quantize::gguf::Kind;
use crate::quantize::{Codec, ErrorStats, Packed, QuantizeError, sample};
use std::collections::BTreeMap;

/// Formats that are compared, in the order of the table.
pub const SHOWN: [Codec; 6] =
    [Codec::Nf4, Codec::Nf4Double, Codec::Gguf(Kind::Q4K), Codec::Mxfp4, Codec::Int8, Codec::Int4];

/// Place of the outlier: inside the first block.
pub const OUTLIER_AT: usize = 10;

/// Value and vector that are tried.
#[derive(Clone, Debug)]
pub struct FormatsState {
    /// The value.
    pub value: f64,
    /// Its text while it is typed.
    pub typing: Option<String>,
    /// Largest value of the integer formats.
    pub range: f64,
    /// Recipe of the vector.
    pub vector: VectorRecipe,
    /// Format that is drawn.
    pub format: Codec,
    /// Value that is edited.
    pub selected: usize,
    results: Option<Results>,
}

/// Where the values of the vector come from.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRecipe {
    /// How many.
    pub count: usize,
    /// Seed of the normal values.
    pub seed: u64,
    /// Value put at [`OUTLIER_AT`], in standard deviations; 0 for none.
    pub outlier: f64,
    /// Values set by hand.
    pub edited: BTreeMap<usize, f32>,
}

/// A vector with what each format makes of it.
#[derive(Clone, Debug)]
pub struct Results {
    recipe: VectorRecipe,
    /// The values.
    pub before: Vec<f32>,
    /// One for each format of [`SHOWN`].
    pub formats: Vec<Result<Tried, QuantizeError>>,
}

/// What a format made of the vector.
#[derive(Clone, Debug)]
pub struct Tried {
    /// As it is stored.
    pub packed: Packed,
    /// As it is read back.
    pub after: Vec<f32>,
    /// Its error.
    pub error: ErrorStats,
}

impl Default for FormatsState {
    fn default() -> Self {
        Self {
            value: 10.1234,
            typing: None,
            range: 16.0,
            vector: VectorRecipe { count: 256, seed: 1, outlier: 0.0, edited: BTreeMap::new() },
            format: Codec::Nf4,
            selected: 0,
            results: None,
        }
    }
}

impl FormatsState {
    /// The vector in every format; reckoned again only when its recipe has changed.
    pub fn results(&mut self) -> &Results {
        if self.results.as_ref().is_some_and(|results| results.recipe != self.vector) {
            self.results = None;
        }
        let recipe = &self.vector;
        self.results.get_or_insert_with(|| Results::of(recipe.clone()))
    }
}

impl VectorRecipe {
    /// The values.
    pub fn values(&self) -> Vec<f32> {
        let mut values = sample::normal(self.seed, self.count);
        if self.outlier > 0.0
            && let Some(value) = values.get_mut(OUTLIER_AT)
        {
            *value = self.outlier as f32;
        }
        for (&index, &edited) in &self.edited {
            if let Some(value) = values.get_mut(index) {
                *value = edited;
            }
        }
        values
    }
}

impl Results {
    fn of(recipe: VectorRecipe) -> Self {
        let before = recipe.values();
        let formats = SHOWN
            .into_iter()
            .map(|format| {
                let (after, packed) = format.round_trip(&before)?;
                Ok(Tried { error: ErrorStats::of(&before, &after), packed, after })
            })
            .collect();
        Self { recipe, before, formats }
    }
}

//! Steps of space and sizes of type, from `assets/theme/scale.ron`.

use serde::Deserialize;
use std::sync::{OnceLock, PoisonError, RwLock};

/// The token file as compiled in.
pub const SHIPPED: &str = include_str!("../../assets/theme/scale.ron");

/// Spacing and type of all themes, in points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    space: Space,
    type_size: TypeSize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Space {
    xs: f32,
    s: f32,
    m: f32,
    l: f32,
    xl: f32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeSize {
    small: f32,
    body: f32,
    title: f32,
    figure: f32,
    monospace: f32,
}

impl Scale {
    /// File that holds it.
    pub const FILE: &'static str = "scale.ron";

    /// Reads a token file. The error says line and column, or which steps are out of order.
    pub fn from_ron(text: &str) -> Result<Self, String> {
        let scale: Self = ron::from_str(text).map_err(|error| error.to_string())?;
        let Space { xs, s, m, l, xl } = scale.space;
        let TypeSize { small, body, title, figure, monospace } = scale.type_size;
        let rises = |steps: &[f32]| steps.windows(2).all(|pair| pair[0] < pair[1]);
        let sane = |steps: &[f32]| steps.iter().all(|step| (1.0..=200.0).contains(step));
        if !rises(&[xs, s, m, l, xl]) || !sane(&[xs, s, m, l, xl]) {
            return Err("space: xs < s < m < l < xl, each from 1 to 200".to_owned());
        }
        if !rises(&[small, body, title, figure]) || !sane(&[small, body, title, figure, monospace]) {
            return Err("type_size: small < body < title < figure, each from 1 to 200".to_owned());
        }
        Ok(scale)
    }

    /// The scale in use.
    pub fn current() -> Self {
        *in_use().read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses this scale until the program ends.
    pub fn replace(self) {
        *in_use().write().unwrap_or_else(PoisonError::into_inner) = self;
    }
}

fn in_use() -> &'static RwLock<Scale> {
    static SCALE: OnceLock<RwLock<Scale>> = OnceLock::new();
    // A test reads the shipped file: a broken one cannot ship.
    SCALE.get_or_init(|| RwLock::new(Scale::from_ron(SHIPPED).unwrap_or_default()))
}

/// Steps of space between things, in points.
pub mod space {
    use super::Scale;

    /// Inside a control.
    pub fn xs() -> f32 {
        Scale::current().space.xs
    }

    /// Between related things.
    pub fn s() -> f32 {
        Scale::current().space.s
    }

    /// Between rows of a card.
    pub fn m() -> f32 {
        Scale::current().space.m
    }

    /// Inside cards, between them.
    pub fn l() -> f32 {
        Scale::current().space.l
    }

    /// Between groups.
    pub fn xl() -> f32 {
        Scale::current().space.xl
    }
}

/// Sizes of type, in points.
pub mod type_size {
    use super::Scale;

    /// Notes, units, section heads.
    pub fn small() -> f32 {
        Scale::current().type_size.small
    }

    /// Running text and controls.
    pub fn body() -> f32 {
        Scale::current().type_size.body
    }

    /// Titles of cards.
    pub fn title() -> f32 {
        Scale::current().type_size.title
    }

    /// The figure of a card.
    pub fn figure() -> f32 {
        Scale::current().type_size.figure
    }

    /// Files and code.
    pub fn monospace() -> f32 {
        Scale::current().type_size.monospace
    }
}

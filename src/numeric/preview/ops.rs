//! The operators of a Llama-type model, each with its backward as a function beside it. Backward computes again what is
//! cheap rather than have it kept.
//!
//! Candle's own fast operators cut its graph in silence, and its graph keeps and adds more than is needed: a layer goes
//! forward and back by these functions, and candle multiplies.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

mod attention;
mod dropout;
pub mod elementwise;
mod gated;
mod loss;
pub mod narrow;

mod rms_norm;
mod rotary;
mod weight;

pub use attention::{Heads, attention, attention_back};
pub use dropout::{Dropout, dropout};
pub use gated::Activation;
pub use loss::{IGNORED, LossOfHead, loss_rows, of_head};
pub use rms_norm::{rms_norm, rms_norm_back};
pub use rotary::{Rotary, Turn};
pub use weight::{Unpack, Weight, weight_gradient};

/// Values of a contiguous 32-bit tensor on the CPU.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let all = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&all[start..end]),
        None => bail!("this operator takes contiguous values"),
    }
}

/// Calls `with` on the values of a contiguous tensor, without a copy.
pub(super) fn with_values<R>(tensor: &Tensor, with: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => with(values(storage, layout)?),
        _ => bail!("this operator runs on the CPU"),
    }
}

//! Operators with a backward of their own: a frozen weight gets no gradient, and what is cheap is computed again rather
//! than kept.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

mod attention;
mod dropout;
mod frozen_linear;
mod gated;
mod loss;
mod rms_norm;
mod rotary;

pub use attention::{Heads, attention};
pub use dropout::{Dropout, dropout};
pub use frozen_linear::{FrozenWeight, Unpack, frozen_linear};
pub use gated::silu_times;
pub use loss::{IGNORED, LossOfHead, continued, head_loss, loss_rows, of_head};
pub use rms_norm::rms_norm;
pub use rotary::{Rotary, rotate};

/// Values of a contiguous 32-bit tensor on the CPU.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let all = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&all[start..end]),
        None => bail!("this operator takes contiguous values"),
    }
}

/// Calls `with` on the values of a contiguous tensor, without a copy.
fn with_values<R>(tensor: &Tensor, with: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => with(values(storage, layout)?),
        _ => bail!("this operator runs on the CPU"),
    }
}

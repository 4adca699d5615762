//! `y = x · Wᵀ` with a weight that is not trained: backward is one product, where candle's own would make two and keep
//! the weight's gradient.

use candle_core::backend::BackendStorage as _;
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Storage, Tensor, Var, bail};
use std::fmt;
use std::sync::Arc;

/// A weight that stays as it is: `[out, in]`.
#[derive(Clone)]
pub enum FrozenWeight {
    /// Values as they are.
    Dense(Tensor),
    /// Packed values, unpacked for each product.
    Packed(Arc<dyn Unpack>),
    /// Values that are trained after all, when a base model is made.
    Trained(Var),
}

/// A packed matrix.
pub trait Unpack: Send + Sync {
    /// Rows and columns.
    fn shape(&self) -> (usize, usize);
    /// All values, row after row.
    fn unpack(&self) -> Vec<f32>;
    /// Bytes it takes.
    fn bytes(&self) -> u64;
}

impl fmt::Debug for FrozenWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dense(weight) => write!(f, "Dense({:?})", weight.shape()),
            Self::Packed(weight) => write!(f, "Packed({:?})", weight.shape()),
            Self::Trained(weight) => write!(f, "Trained({:?})", weight.shape()),
        }
    }
}

impl FrozenWeight {
    /// The values as a contiguous `[out, in]` tensor.
    pub fn values(&self) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => Ok(weight.clone()),
            Self::Packed(weight) => Tensor::from_vec(weight.unpack(), weight.shape(), &Device::Cpu),
            Self::Trained(weight) => Ok(weight.as_tensor().detach()),
        }
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Dense(weight) => weight.elem_count() as u64 * weight.dtype().size_in_bytes() as u64,
            Self::Packed(weight) => weight.bytes(),
            Self::Trained(weight) => weight.elem_count() as u64 * 4,
        }
    }

    /// Outputs and inputs.
    pub fn shape(&self) -> Result<(usize, usize)> {
        match self {
            Self::Dense(weight) => weight.dims2(),
            Self::Packed(weight) => Ok(weight.shape()),
            Self::Trained(weight) => weight.dims2(),
        }
    }
}

struct FrozenLinear(FrozenWeight);

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, inner) = layout.shape().dims2()?;
        let weight = self.0.values()?;
        let (out, _) = weight.dims2()?;
        let (held, weight_layout) = weight.storage_and_layout();
        let Storage::Cpu(weights) = &*held else { bail!("the weight is not on the CPU") };
        let transposed = weight_layout.transpose(0, 1)?;
        let product = storage.matmul(weights, (1, rows, out, inner), layout, &transposed)?;
        Ok((product, Shape::from((rows, out))))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.contiguous()?.matmul(&self.0.values()?)?))
    }
}

/// `x · Wᵀ` for `x` of `[tokens, in]`.
pub fn frozen_linear(x: &Tensor, weight: &FrozenWeight) -> Result<Tensor> {
    if x.dtype() != DType::F32 {
        bail!("activations are 32-bit here");
    }
    match weight {
        FrozenWeight::Trained(weight) => x.matmul(&weight.t()?),
        frozen => x.apply_op1(FrozenLinear(frozen.clone())),
    }
}

//! The matrix of a linear layer as it is held, and `y = x · Wᵀ` with it.

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use std::fmt;
use std::sync::Arc;

/// A matrix `[out, in]`.
#[derive(Clone)]
pub enum Weight {
    /// Values as they are; they stay so.
    Dense(Tensor),
    /// Packed values, unpacked for each product; they stay so.
    Packed(Arc<dyn Unpack>),
    /// Values that are trained, when a base model is made: the variable and its number among all that are.
    Trained(Var, usize),
}

/// A packed matrix.
pub trait Unpack: Send + Sync {
    /// Rows and columns.
    fn shape(&self) -> (usize, usize);
    /// All values, row after row.
    fn unpack(&self) -> Result<Vec<f32>>;
    /// Bytes it takes.
    fn bytes(&self) -> u64;
    /// `x · Wᵀ`.
    fn times(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&Tensor::from_vec(self.unpack()?, self.shape(), &Device::Cpu)?.t()?)
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dense(weight) => write!(f, "Dense({:?})", weight.shape()),
            Self::Packed(weight) => write!(f, "Packed({:?})", weight.shape()),
            Self::Trained(weight, _) => write!(f, "Trained({:?})", weight.shape()),
        }
    }
}

impl Weight {
    /// The values as a contiguous `[out, in]` tensor.
    pub fn values(&self) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => Ok(weight.clone()),
            Self::Packed(weight) => Tensor::from_vec(weight.unpack()?, weight.shape(), &Device::Cpu),
            Self::Trained(weight, _) => Ok(weight.as_tensor().detach()),
        }
    }

    /// Its number among what is trained, where it is.
    pub const fn trained(&self) -> Option<usize> {
        match self {
            Self::Trained(_, index) => Some(*index),
            Self::Dense(_) | Self::Packed(_) => None,
        }
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Dense(weight) => weight.elem_count() as u64 * weight.dtype().size_in_bytes() as u64,
            Self::Packed(weight) => weight.bytes(),
            Self::Trained(weight, _) => weight.elem_count() as u64 * 4,
        }
    }

    /// `x · Wᵀ` for `x` of `[tokens, in]`.
    pub fn times(&self, x: &Tensor) -> Result<Tensor> {
        if x.dtype() != DType::F32 {
            bail!("activations are 32-bit here");
        }
        match self {
            Self::Packed(weight) => weight.times(x),
            dense => x.matmul(&dense.values()?.t()?),
        }
    }

    /// Gradient of `x` from that of `x · Wᵀ`, `[tokens, out]`: `dy · W`.
    pub fn back(&self, dy: &Tensor) -> Result<Tensor> {
        dy.matmul(&self.values()?)
    }
}

/// Gradient of a matrix from that of `x · Wᵀ`: `dyᵀ · x`.
pub fn weight_gradient(dy: &Tensor, x: &Tensor) -> Result<Tensor> {
    dy.t()?.matmul(x)
}

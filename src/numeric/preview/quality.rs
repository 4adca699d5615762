//! What number formats do to what a model says: the error of each linear layer's output on real text, and the loss.
//!
//! Weight error is not quality: an input that is always small forgives errors of its weights, one that is large does not,
//! and the loss forgives more again. Here a text goes through the model as it is stored, which gives every linear layer its
//! inputs, and then through the model in each format. Weights are read, coded and read back one matrix at a time.

use super::base_model::BaseModel;
use super::config::{Part, unsuitable};
use super::model::Llama;
use super::ops::{Unpack, Weight, with_values};
use super::pass::{Batch, Pass};
use super::{PreviewError, Result};
use crate::lab::source::Source;
use crate::quantize::{Codec, Whole, llm_int8};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A way to hold the linear layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// A codec for the weights; activations stay as they are.
    Weights(Codec),
    /// LLM.int8(): weights and activations in 8-bit integers, outlier columns of the activations kept in floating point.
    LlmInt8,
}

impl Format {
    /// Every codec, and LLM.int8() with its activations.
    pub fn all() -> Vec<Self> {
        Codec::ALL.into_iter().map(Self::Weights).chain([Self::LlmInt8]).collect()
    }

    /// Name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weights(codec) => codec.name(),
            Self::LlmInt8 => "LLM.int8()",
        }
    }

    /// Word on the command line and in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Weights(codec) => codec.id(),
            Self::LlmInt8 => "llm-int8",
        }
    }
}

/// What was found of a format.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Which.
    pub format: Format,
    /// Loss per token of the text, in nats; or why the format does not take the model.
    pub loss: std::result::Result<f64, String>,
    /// Σ (output error)² / Σ output² of each linear layer whose rows the format takes, on the inputs of the stored model,
    /// by the name of its weights.
    pub outputs: BTreeMap<String, f64>,
    /// Columns of activations kept out of the integers, all linear layers together (LLM.int8()).
    pub outlier_columns: usize,
}

impl Quality {
    /// Mean over the linear layers of the relative squared error of their outputs; `None` where there are none.
    pub fn mean_output_error(&self) -> Option<f64> {
        let count = self.outputs.len();
        (count > 0).then(|| self.outputs.values().sum::<f64>() / count as f64)
    }
}

/// What is told meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Outputs of so many layers of all were compared.
    Layers(usize, usize),
    /// Loss per token of the stored model, in nats.
    Stored(f64),
    /// A format is known.
    Format(Box<Quality>),
}

/// Rows of activations that outputs are compared on.
const ROWS: usize = 512;
/// Values of a token table beyond which the model is not run: it is held whole, in FP32.
const MOST_TABLE_VALUES: u64 = 1 << 29;

/// Runs `text` through the model as it is stored and in each format; `tell` gets each as soon as it is known.
///
/// # Errors
/// The model cannot be run, or was stopped.
pub fn measure(
    base: &BaseModel,
    text: &Batch,
    formats: &[Format],
    stop: &(dyn Fn() -> bool + Sync),
    tell: &mut (dyn FnMut(News) + Send),
) -> Result<()> {
    let config = base.config_for(text.length);
    let table = (config.vocab_size as u64).saturating_mul(config.hidden_size as u64);
    if table > MOST_TABLE_VALUES {
        let many = table >> 20;
        return Err(unsuitable(format!("a token table of {many} Mi values is too large to run the model here")));
    }
    let held = |format: Option<Format>| {
        Llama::new(config.clone(), &*base.source, |layer, part, weight| {
            let shape = weight.dims2()?;
            let name = format!("{}.weight", part.path(layer));
            Ok(Weight::Packed(Arc::new(Streamed { source: Arc::clone(&base.source), name, shape, format })))
        })
    };
    let go_on = || if stop() { Err(PreviewError::Cancelled) } else { Ok(()) };
    let found: Mutex<Vec<Outputs>> = Mutex::new(vec![Outputs::default(); formats.len()]);
    let told = Mutex::new(tell);
    let layers = config.num_hidden_layers;
    let observe = |layer: usize, part: Part, x: &Tensor| -> Result<()> {
        go_on()?;
        let name = format!("{}.weight", part.path(layer));
        let errors = output_errors(&base.source, &name, x, formats)?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        for (all, error) in found.iter_mut().zip(errors) {
            all.add(&name, error);
        }
        if part == Part::Down {
            told.lock().unwrap_or_else(PoisonError::into_inner)(News::Layers(layer + 1, layers));
        }
        Ok(())
    };
    let stored = held(None)?;
    let loss = stored.evaluate(text, Pass { observe: Some(&observe), ..Pass::default() })?.loss;
    drop(stored);
    let tell = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    tell(News::Stored(loss));
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let polled = |_, _, _: &Tensor| go_on();
    let pass = Pass { observe: Some(&polled), ..Pass::default() };
    for (format, outputs) in formats.iter().zip(found) {
        let evaluated = match &outputs.refused {
            Some(why) => Err(why.clone()),
            None => match held(Some(*format))?.evaluate(text, pass) {
                Ok(found) => Ok(found.loss),
                Err(PreviewError::Cancelled) => return Err(PreviewError::Cancelled),
                Err(error) => Err(error.to_string()),
            },
        };
        let Outputs { by_name, outliers, .. } = outputs;
        let quality = Quality { format: *format, loss: evaluated, outputs: by_name, outlier_columns: outliers };
        tell(News::Format(Box::new(quality)));
    }
    Ok(())
}

/// Errors of outputs gathered for one format.
#[derive(Clone, Debug, Default)]
struct Outputs {
    by_name: BTreeMap<String, f64>,
    outliers: usize,
    refused: Option<String>,
}

impl Outputs {
    fn add(&mut self, name: &str, error: std::result::Result<(f64, usize), String>) {
        match error {
            Ok((relative, outliers)) => {
                self.by_name.insert(name.to_owned(), relative);
                self.outliers += outliers;
            }
            Err(why) => {
                self.refused.get_or_insert(why);
            }
        }
    }
}

/// For each format, Σ (output error)² / Σ output² of one matrix on activations, and outlier columns.
fn output_errors(
    source: &Source,
    name: &str,
    x: &Tensor,
    formats: &[Format],
) -> Result<Vec<std::result::Result<(f64, usize), String>>> {
    let (tokens, inner) = x.dims2()?;
    let x = x.narrow(0, 0, tokens.min(ROWS))?.contiguous()?;
    let weights = read(source, name)?;
    let rows = weights.len() / inner.max(1);
    let product = |weights: Vec<f32>| -> candle_core::Result<Vec<f32>> {
        x.matmul(&Tensor::from_vec(weights, (rows, inner), &Device::Cpu)?.t()?)?.flatten_all()?.to_vec1()
    };
    let exact = product(weights.clone())?;
    let signal: f64 = exact.iter().map(|y| f64::from(*y) * f64::from(*y)).sum();
    let whole = Whole::of(&weights);
    let of = |format: &Format| -> Result<std::result::Result<(f64, usize), String>> {
        let (found, outliers) = match format {
            Format::Weights(codec) => match codec.pack(&weights, inner, &whole) {
                Ok(packed) => (product(packed.values())?, 0),
                Err(error) => return Ok(Err(error.to_string())),
            },
            Format::LlmInt8 => {
                let found = with_values(&x, |x| Ok(llm_int8::Matrix::new(&weights, inner).times(x)))?;
                (found.values, found.outliers.len())
            }
        };
        let noise: f64 = exact.iter().zip(&found).map(|(y, found)| f64::from(found - y) * f64::from(found - y)).sum();
        Ok(Ok((if signal > 0.0 { noise / signal } else { 0.0 }, outliers)))
    };
    formats.par_iter().map(of).collect()
}

fn read(source: &Source, name: &str) -> Result<Vec<f32>> {
    let entry = source.entries.iter().find(|entry| entry.tensor.name == name);
    let entry = entry.ok_or_else(|| unsuitable(format!("the checkpoint lacks `{name}`")))?;
    source.read(entry, 0, entry.tensor.values).map_err(|error| unsuitable(error.to_string()))
}

/// A matrix that is read from its file whenever it is needed, and put into a format and read back.
struct Streamed {
    source: Arc<Source>,
    name: String,
    shape: (usize, usize),
    format: Option<Format>,
}

impl Streamed {
    fn stored(&self) -> candle_core::Result<Vec<f32>> {
        read(&self.source, &self.name).map_err(|error| candle_core::Error::Msg(error.to_string()))
    }
}

impl Unpack for Streamed {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn unpack(&self) -> candle_core::Result<Vec<f32>> {
        let values = self.stored()?;
        match self.format {
            None => Ok(values),
            Some(Format::Weights(codec)) => {
                let packed = codec.pack(&values, self.shape.1, &Whole::of(&values));
                Ok(packed.map_err(|error| candle_core::Error::Msg(error.to_string()))?.values())
            }
            Some(Format::LlmInt8) => Ok(llm_int8::Matrix::new(&values, self.shape.1).values()),
        }
    }

    fn bytes(&self) -> u64 {
        // Nothing of it is held.
        0
    }

    fn times(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (out, inner) = self.shape;
        if self.format != Some(Format::LlmInt8) {
            return x.matmul(&Tensor::from_vec(self.unpack()?, self.shape, &Device::Cpu)?.t()?);
        }
        let matrix = llm_int8::Matrix::new(&self.stored()?, inner);
        let values = with_values(x, |x| Ok(matrix.times(x).values))?;
        Tensor::from_vec(values, (x.dim(0)?, out), &Device::Cpu)
    }
}

//! The quantization lab at work: the tensors of a model through all formats, a quick sample first, then everything.

use super::Task;
use crate::jobs::CancelToken;
use crate::lab::low_rank::LowRank;
use crate::lab::mix::{Frontier, choices};
use crate::lab::totals::{Scope, Total, totals};
use crate::lab::{Depth, LabError, Source, TensorReport, examine};
use crate::preview::base_model::embedded_source;
use crate::quantize::Codec;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A model that is being examined, was, or could not be.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighing {
    /// Counts examinations: what an earlier one still reports is dropped.
    pub number: u64,
    /// File or folder; none is the embedded model.
    pub model: Option<PathBuf>,
    /// The model, once its headers are read.
    pub source: Option<Arc<Source>>,
    /// Tensors examined so far, in the order they came in.
    pub reports: Vec<Arc<TensorReport>>,
    /// Tensors examined as a sample and in full, and all of them.
    pub progress: Progress,
    /// The model in each format: linear layers only, and with token table and head.
    pub totals: [Vec<Total>; 2],
    /// The best mixes over the linear layers, and the bits of everything else.
    pub mixes: Option<(Arc<Frontier>, u64)>,
    /// The tensor whose ranks were looked at.
    pub ranks: Option<Ranks>,
    /// It goes on.
    pub running: bool,
    /// Why it could not go on.
    pub refused: Option<String>,
}

/// A tensor whose ranks were looked at in a format.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranks {
    /// Its place among the entries of the model.
    pub index: usize,
    /// The format.
    pub codec: Codec,
    /// What was found; none while it is looked for.
    pub found: Option<Result<Arc<LowRank>, String>>,
}

/// How far an examination is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tensors of which a sample was examined.
    pub sampled: usize,
    /// Tensors that were examined in full.
    pub full: usize,
    /// All.
    pub all: usize,
}

/// What an examination tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The headers are read; so many tensors will be examined.
    Opened(Arc<Source>, usize),
    /// A tensor was examined.
    Examined(Arc<TensorReport>, Depth),
    /// It is over, or could not go on.
    Ended(Option<String>),
}

impl Weighing {
    /// One that has just begun.
    pub fn begun(number: u64, model: Option<PathBuf>) -> Self {
        Self {
            number,
            model,
            source: None,
            reports: Vec::new(),
            progress: Progress::default(),
            totals: [Vec::new(), Vec::new()],
            mixes: None,
            ranks: None,
            running: true,
            refused: None,
        }
    }

    /// The embedded model examined, here and now: for pictures.
    pub fn of_embedded() -> Self {
        let told = Mutex::new(Vec::new());
        let push = |news| told.lock().unwrap_or_else(PoisonError::into_inner).push(news);
        let last = Weigh { model: None }.run(&CancelToken::default(), &push);
        push(last);
        let mut weighing = Self::begun(0, None);
        for news in told.into_inner().unwrap_or_else(PoisonError::into_inner) {
            weighing.take(news);
        }
        weighing
    }

    /// Takes in what was told.
    pub fn take(&mut self, news: News) {
        match news {
            News::Opened(source, all) => {
                self.source = Some(source);
                self.progress.all = all;
            }
            News::Examined(report, depth) => {
                match depth {
                    Depth::Sample => self.progress.sampled += 1,
                    Depth::Full => self.progress.full += 1,
                }
                match self.reports.iter_mut().find(|held| held.index == report.index) {
                    Some(held) => *held = report,
                    None => self.reports.push(report),
                }
                self.add_up();
            }
            News::Ended(refused) => {
                self.running = false;
                self.refused = refused;
            }
        }
    }

    fn add_up(&mut self) {
        let Some(source) = &self.source else { return };
        self.totals = [Scope::Linear, Scope::Vocabulary].map(|scope| totals(source, &self.reports, scope));
        let linear: Vec<&TensorReport> = self.linear().collect();
        let bits = |index: usize| source.entries.get(index).map_or(0, |entry| entry.tensor.bytes.saturating_mul(8));
        let examined: u64 = linear.iter().map(|report| bits(report.index)).sum();
        let frontier = Frontier::of(&linear.iter().map(|report| choices(report)).collect::<Vec<_>>());
        self.mixes = Some((Arc::new(frontier), source.bytes().saturating_mul(8).saturating_sub(examined)));
    }

    /// Reports of linear layers: those that a mix chooses formats for, in its order.
    pub fn linear(&self) -> impl Iterator<Item = &TensorReport> {
        let kind = |report: &TensorReport| Some(self.source.as_ref()?.entries.get(report.index)?.kind);
        self.reports
            .iter()
            .map(AsRef::as_ref)
            .filter(move |report| kind(report).is_some_and(|kind| Scope::Linear.covers(kind)))
    }

    /// Values of the whole model.
    pub fn values(&self) -> u64 {
        self.source.as_ref().map_or(0, |source| source.entries.iter().map(|entry| entry.tensor.values).sum())
    }
}

/// An examination of a model; without a path of the embedded one.
#[derive(Clone, Debug)]
pub struct Weigh {
    /// File or folder.
    pub model: Option<PathBuf>,
}

impl Task for Weigh {
    type News = News;
    const NAME: &'static str = "weigh";

    fn run(self, cancel: &CancelToken, tell: &(dyn Fn(News) + Sync)) -> News {
        News::Ended(examine_all(self.model.as_deref(), cancel, tell).err())
    }

    fn failed(error: String) -> News {
        News::Ended(Some(error))
    }
}

fn examine_all(model: Option<&Path>, cancel: &CancelToken, tell: &(dyn Fn(News) + Sync)) -> Result<(), String> {
    let source = match model {
        Some(path) => Source::open(path),
        None => embedded_source(),
    };
    let source = Arc::new(source.map_err(|error| error.to_string())?);
    let indices = source.tried();
    if indices.is_empty() {
        return Err(format!("{}: no matrix whose values can be read; is the model quantized already?", source.name));
    }
    tell(News::Opened(Arc::clone(&source), indices.len()));
    // A core is left for the window.
    let threads = crate::jobs::spare_threads();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
    let stop = || cancel.is_cancelled();
    let mut is_whole = vec![false; source.entries.len()];
    for depth in [Depth::Sample, Depth::Full] {
        for index in &indices {
            // A small tensor's sample was all of it.
            let report = if depth == Depth::Full && is_whole[*index] {
                None
            } else {
                pool.install(|| examine(&source, *index, &Codec::ALL, depth, &stop))
                    .map_err(|error: LabError| error.to_string())?
            };
            if stop() {
                return Ok(());
            }
            if let Some(report) = report {
                is_whole[*index] = report.examined == source.entries[*index].tensor.values;
                let depth = if is_whole[*index] { Depth::Full } else { depth };
                tell(News::Examined(Arc::new(report), depth));
            }
        }
    }
    Ok(())
}

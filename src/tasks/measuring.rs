//! What the formats of an examined model do to what it says, measured on a text.

use super::Task;
use crate::jobs::CancelToken;
use crate::preview::PreviewError;
use crate::preview::base_model::BaseModel;
use crate::preview::examples::base_text;
use crate::preview::job::Job;
use crate::preview::quality::{self, Format, Quality, measure};
use crate::quantize::Codec;
use std::path::{Path, PathBuf};

/// A measurement that goes on, is done, or could not be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Measuring {
    /// Of which examination: [`Weighing::number`](crate::tasks::weighing::Weighing::number).
    pub number: u64,
    /// File of text; none is the embedded model's own.
    pub text: Option<PathBuf>,
    /// Layers whose outputs were compared, of all.
    pub layers: (usize, usize),
    /// Loss per token of the stored model, in nats, once it is known.
    pub stored: Option<f64>,
    /// Formats that are known.
    pub found: Vec<Quality>,
    /// It goes on.
    pub running: bool,
    /// Why it could not go on.
    pub refused: Option<String>,
}

/// What a measurement tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Something was found.
    Found(quality::News),
    /// It is over, or could not go on.
    Ended(Option<String>),
}

impl Measuring {
    /// One that has just begun.
    pub const fn begun(number: u64, text: Option<PathBuf>) -> Self {
        Self { number, text, layers: (0, 0), stored: None, found: Vec::new(), running: true, refused: None }
    }

    /// Takes in what was told.
    pub fn take(&mut self, news: News) {
        match news {
            News::Found(quality::News::Layers(done, all)) => self.layers = (done, all),
            News::Found(quality::News::Stored(loss)) => self.stored = Some(loss),
            News::Found(quality::News::Format(quality)) => self.found.push(*quality),
            News::Ended(refused) => {
                self.running = false;
                self.refused = refused;
            }
        }
    }

    /// What was found of a codec.
    pub fn of(&self, codec: Codec) -> Option<&Quality> {
        self.found.iter().find(|quality| quality.format == Format::Weights(codec))
    }

    /// What was found of LLM.int8().
    pub fn llm_int8(&self) -> Option<&Quality> {
        self.found.iter().find(|quality| quality.format == Format::LlmInt8)
    }
}

/// A measurement of all formats of a model on a text; without paths of the embedded model on its own text.
#[derive(Clone, Debug)]
pub struct Measure {
    /// File or folder of the model.
    pub model: Option<PathBuf>,
    /// File of text.
    pub text: Option<PathBuf>,
}

impl Task for Measure {
    type News = News;
    const NAME: &'static str = "measure";

    fn run(self, cancel: &CancelToken, tell: &(dyn Fn(News) + Sync)) -> News {
        let work = || -> Result<(), PreviewError> {
            let base = match &self.model {
                Some(path) => BaseModel::open(folder_of(path))?,
                None => BaseModel::embedded()?,
            };
            let text = match &self.text {
                Some(path) => base.text(path)?,
                None => base_text(),
            };
            let stop = || cancel.is_cancelled();
            measure(&base, &text, &Format::all(), &stop, &mut |news| tell(News::Found(news)))
        };
        // A core is left for the window.
        let ended = Job::default().threads().and_then(|pool| pool.install(work));
        News::Ended(match ended {
            Ok(()) | Err(PreviewError::Cancelled) => None,
            Err(error) => Some(error.to_string()),
        })
    }

    fn failed(error: String) -> News {
        News::Ended(Some(error))
    }
}

/// The model's folder, if it was named by one of its files.
fn folder_of(path: &Path) -> &Path {
    if path.is_dir() { path } else { path.parent().unwrap_or(path) }
}

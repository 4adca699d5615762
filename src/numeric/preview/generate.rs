//! Greedy answers, a token at a time.

use super::Result;
use super::cache::Cache;
use super::config::unsuitable;
use super::data::Sequence;
use super::model::Llama;
use super::pass::Pass;
use crate::data::tokens::Tokens;

/// Tokens an answer may have beyond the one that is wanted.
const SPARE: usize = 8;

/// A prompt the model was not trained on, with what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What was asked.
    pub prompt: String,
    /// The likeliest answer, token by token.
    pub answer: String,
    /// What should have been answered.
    pub wanted: String,
}

impl Llama {
    /// The likeliest continuation of `prompt`, of at most `most` tokens, up to the first that `ends`.
    pub fn generate(
        &self,
        prompt: &[u32],
        most: usize,
        ends: &dyn Fn(u32) -> bool,
        pass: Pass<'_>,
    ) -> Result<Vec<u32>> {
        if prompt.is_empty() {
            return Err(unsuitable("there is no prompt to go on from".to_owned()));
        }
        let cache = Cache::new(self.config.num_hidden_layers);
        let pass = Pass { cache: Some(&cache), ..pass };
        let room = self.config.max_position_embeddings.saturating_sub(prompt.len());
        let mut said = Vec::new();
        let mut new = prompt.to_vec();
        while said.len() < most.min(room) {
            let next = self.next(&new, pass)?.argmax(0)?.to_scalar::<u32>()?;
            if ends(next) {
                break;
            }
            said.push(next);
            new = vec![next];
        }
        Ok(said)
    }

    /// Answers the prompt of an example.
    pub fn answer(&self, example: &Sequence, tokens: &Tokens, pass: Pass<'_>) -> Result<Sample> {
        let wanted = example.first_answer();
        let prompt = &example.tokens[..wanted.start];
        let said = self.generate(prompt, wanted.len() + SPARE, &|token| tokens.ends(token), pass)?;
        let text = |of: &[u32]| tokens.text(of);
        Ok(Sample { prompt: text(prompt), answer: text(&said), wanted: text(&example.tokens[wanted]) })
    }
}

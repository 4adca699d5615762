//! Where the path can end.

use crate::plan::decision::questions::Step;
use serde::Deserialize;

macro_rules! outcomes {
    ($($name:ident $id:literal $step:ident $label:literal: $words:literal;)*) => {
        /// Where the path can end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "`label` and `words` say what each is")]
        pub enum Outcome {
            $($name),*
        }

        impl Outcome {
            /// All, in the order of the path.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Word in files and JSON.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// Name on screen.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }

            /// What to do, in a sentence.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words),* }
            }

            /// Where on the path it stands.
            pub const fn step(self) -> Step {
                match self { $(Self::$name => Step::$step),* }
            }

            /// The outcome of a word.
            pub fn from_id(id: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|outcome| outcome.id() == id)
            }
        }
    };
}

outcomes! {
    Evaluation "evaluation" Evaluate "Build an evaluation first": "Collect examples from real use, write down what counts as right, and measure.";
    LowerTarget "lower-target" Evaluate "A target below 100 %": "No number of examples shows 100 %: set a share that a sample can show to be met.";
    GoodEnough "good-enough" Evaluate "Within a point of the target": "Settle whether a score this near is enough: more labels would not tell.";
    Stay "stay" Prompt "Stay with prompting": "The target is met: keep the prompt, keep measuring.";
    BetterPrompt "better-prompt" Prompt "Better prompt": "Write clear instructions, keep every version and its score on the same examples.";
    BestVersion "best-version" Prompt "Your best prompt version": "Put the best kept version into use, and read the wrong answers that it leaves.";
    Guardrails "guardrails" Prompt "Guardrails first": "Filter unsafe inputs and outputs, count again what gets through, and keep the prompt.";
    MoreExamples "more-examples" Examples "More examples in the prompt": "Put 1 to 50 worked examples that look like real use into the prompt.";
    CollectExamples "collect-examples" Examples "Collect examples": "The prompt is full: collect well-crafted examples until there are about 50 more to train on.";
    Guideline "guideline" Examples "Annotation guideline first": "Write down what each label means with its border cases, label again, and measure the agreement.";
    Synthesis "synthesis" Tune "Generate examples, checked": "Let the stronger model answer from a few well-crafted examples, check every answer, and train on what passes.";
    ReadFailures "read-failures" Failures "Read more failures": "Read more wrong answers and note the first failure of each, before anything rests on their kinds.";
    MendInput "mend-input" Failures "Mend the input": "Mend what reaches the model: encoding, cutting, empty or broken files, before anything else is changed.";
    SplitFailures "split-failures" Failures "Work kind by kind": "No kind is most of the failures: sort them by kind, and begin with what is cheapest to mend.";
    NarrowTask "narrow-task" Failures "Narrow the task, or wait": "Neither context nor any base at hand does it: take out what fails, leave it to people, and try each new base.";
    Caching "caching" Cost "Prompt caching": "Put what never changes at the head of the prompt and have it cached.";
    CheaperBase "cheaper-base" Cost "A cheaper base, prompted alike": "Measure the same prompt on smaller models, and keep the labels of real use.";
    ConstrainedDecoding "constrained-decoding" Tune "Constrained decoding": "Let a grammar or schema forbid every token that breaks the format.";
    TermRag "term-rag" Retrieve "RAG by terms (BM25)": "Retrieve the facts by terms and put them into the prompt.";
    VectorRag "vector-rag" Retrieve "RAG by embeddings, hybrid": "Add embedding-based retrieval to the term-based one, and measure recall.";
    LongerWindow "longer-window" Retrieve "A base with a longer window": "Take a base whose window holds the whole input, and measure short inputs too.";
    Sft "sft" Tune "Supervised fine-tuning": "Train on (instruction, response), beginning with a small, well-crafted set.";
    WorkedAnswers "worked-answers" Tune "Fine-tuning on worked answers": "Train on answers that show each step to the conclusion.";
    ClassifierHead "classifier-head" Tune "A classifier on your labels": "Train a head on frozen features, then a small encoder or language model, and take the cheapest that meets the target.";
    SmallEncoder "small-encoder" Tune "A small encoder for spans": "Train an encoder that marks spans, such as one of the BERT family, on your labelled texts.";
    PreferenceTuning "preference-tuning" Tune "Preference tuning": "Train on pairs of a better and a worse answer (DPO, KTO).";
    SmallModel "small-model" Cost "A smaller model on your labels": "Train a smaller model on the labels you have, and measure it on the same examples.";
    Distillation "distillation" Cost "Distillation": "Let the model that meets the need answer, and train a smaller one on its answers.";
    ContinuedPretraining "continued-pretraining" Tune "Continued pre-training": "Train on cheap raw text of the domain first, on labelled examples after.";
    Infilling "infilling" Tune "Infilling": "Train on (prefix, middle, suffix).";
    LongContext "long-context" Tune "Long-context fine-tuning": "Train on long sequences, and watch that short ones do not get worse.";
    RagAndTuning "rag-and-tuning" Tune "RAG and fine-tuning": "Train on prompts with their retrieved contexts, and compare with retrieval alone.";
    SwitchBase "switch-base" Cost "Another base model": "Take the base model that succeeds, and measure again.";
    MultiTask "multi-task" Tune "Multi-task fine-tuning": "Train on all tasks' data at once, and evaluate every task.";
    Merging "merging" Tune "Merging": "Train separately from the same base, merge the weights, and evaluate every task.";
    TenantAdapters "tenant-adapters" Tune "Adapters per customer": "Keep one base and an adapter for each customer.";
    NoTraining "no-training" Upkeep "No training now": "Keep what runs, keep measuring, and take the question up again when what is missing is there.";
}

impl Outcome {
    /// Whether weights are changed.
    pub const fn is_training(self) -> bool {
        self.is_on_own_data() || self.is_on_teacher()
    }

    /// Whether it trains on texts of the team: labelled or raw.
    pub const fn is_on_own_data(self) -> bool {
        self.is_on_labels() || matches!(self, Self::ContinuedPretraining | Self::LongContext | Self::Infilling)
    }

    /// Whether it trains on examples that people labelled.
    pub const fn is_on_labels(self) -> bool {
        matches!(
            self,
            Self::Sft
                | Self::WorkedAnswers
                | Self::ClassifierHead
                | Self::SmallEncoder
                | Self::SmallModel
                | Self::PreferenceTuning
                | Self::RagAndTuning
                | Self::MultiTask
                | Self::Merging
                | Self::TenantAdapters
        )
    }

    /// Whether it trains on what another model says.
    pub const fn is_on_teacher(self) -> bool {
        matches!(self, Self::Distillation | Self::Synthesis)
    }

    /// Whether facts are retrieved.
    pub const fn is_retrieval(self) -> bool {
        matches!(self, Self::TermRag | Self::VectorRag | Self::RagAndTuning)
    }
}

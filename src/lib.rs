//! Tuneplan: plan a fine-tuning job before you spend a GPU-hour on it.
//!
//! # The way data goes
//!
//! ```text
//! model files / catalogue ──▶ Architecture ─┐
//!                                           ├─▶ estimate(inputs) ─▶ Estimate ─▶ panels · command line
//! plan.ron ──▶ Plan ──(PlanEdit)──▶ Plan ───┘
//! ```
//!
//! One direction. A panel never changes the plan: it shows a view and pushes commands.
//!
//! # Rooms
//!
//! Each stands on rooms above it and on none below. `tests/it/layering.rs` holds the table of who may use whom.
//!
//! | room | what it is |
//! |---|---|
//! | [`units`] | bytes, counts and how they are printed |
//! | [`files`] | the one way to write a file and the one way to read it |
//! | [`jobs`] | named threads that report once |
//! | [`raster`] | egui meshes to pixels without a GPU |
//! | [`linear_algebra`] | singular values of a matrix, small products and sums in the widest registers |
//! | [`text`] | the window's languages |
//! | [`import`] | configurations of training engines: which keys say what, which are known to which release |
//! | [`typos`] | the word that a typing error most likely meant |
//! | [`limits`] | how much a text holds, before anything is made of it |
//! | [`data`] | training data: what is in a file, what is wrong with it, what a trainer makes of it; templates, tokenizers |
//! | [`explained`] | a number with its derivation |
//! | [`architecture`] | shape of a model, from `config.json`, safetensors or GGUF |
//! | [`catalog`] | models, accelerators, formats, each entry with its source |
//! | [`plan`] | the plan as plain data; the field table and what is made from it: edits, file, checks, diff |
//! | [`handover`] | a plan made of the configuration of an engine |
//! | [`estimate`] | from a plan to memory and time: phases, components, derivations |
//! | [`solve`] | the estimate turned round: what fits, what to change, what is best |
//! | [`decide`] | whether to fine-tune at all: rules, evidence, break-even |
//! | [`validation`] | predicted against measured rows |
//! | [`why`] | out-of-memory messages explained by the dimensions of a plan |
//! | [`quantize`] | number formats as codecs: what values become in few bits, and the error |
//! | [`lab`] | the tensors of a model through the codecs, piece by piece |
//! | [`preview`] | the preview: LoRA beside frozen weights, trained with candle |
//! | [`figures`] | what window and command line both show of a plan |
//! | [`report`] | SVG and tables for other programs |
//! | [`documents`] | plans and examples as files, revisions in git |
//! | [`tasks`] | long work: what is asked for, what it tells, where it is |
//! | [`theme`] | colours, sizes and type of the window |
//! | [`app`] | state, commands, dispatch, history, settings, recovery; it knows no panels |
//! | [`ui`] | panels and widgets: they show a view and return commands |
//! | [`desktop`] | the window's loop, its threads, its pictures |
//! | [`cli`] | everything the window computes, in a shell |
//!
//! The lower rooms are packages of their own, under their old names here: `src/ground` (units, files, jobs, limits),
//! `src/models` (architecture, catalog), `src/numeric` (linear algebra, quantize, lab, preview: optimised also in tests) and
//! `src/raster`. `src/data` is a room and a package, as `src/raster` is.
//!
//! # Invariants (held by `tests/it/layering.rs`)
//!
//! 1. `units explained catalog architecture plan estimate solve decide quantize validation report figures` know
//!    neither egui, threads, clocks, environment nor — outside the readers of model files — the file system. Same input, same
//!    bytes, on every system. Bytes are integers.
//! 2. `ui` never changes a plan, never blocks, never reads files. It gets a [`ui::View`] and returns commands.
//! 3. [`app::dispatch()`] is pure and tested without egui's contexts; `desktop` alone owns threads and dialogs of the window.
//! 4. No number reaches a screen or JSON without its unit; every computed number carries its explanation.
//! 5. Files are read and written through [`files`] alone: limits, links, modes and what may be replaced are its own matter.
//! 6. No network code anywhere: nothing the user opens leaves the machine.
//!
//! # Where to change what
//!
//! A new setting is one entry in [`plan::field`] and its id in `plan/field/id.rs`; the panel, the flag, the file with its
//! comment and the undo label follow. A new PEFT method is one file in `estimate/adapter` (tensors, forward pass, formula,
//! operations, pictures), entered in `estimate/adapter.rs`, and its words and settings in `plan/method.rs` and
//! `plan/field/method.rs`. A new command is a variant of its group in [`app::command`]; the compiler names the rest. A new model class is one arm in `architecture/config`. A new software stack is one file in
//! `assets/profiles` and its line in `estimate/profile.rs`. A new term of the estimate stands in `estimate`, beside the source
//! of its formula. A new number format is a codec in `quantize`; a new kind of layer that the preview trains is an operator in
//! `preview/ops` with its backward.

pub mod app;
pub mod cli;
pub mod decide;
pub mod desktop;
pub mod documents;
pub mod estimate;
pub mod explained;
pub mod figures;
pub mod handover;
pub mod plan;
pub mod report;
pub mod solve;
pub mod tasks;
pub mod text;
pub mod theme;
pub mod ui;
pub mod validation;
pub mod why;

pub use tuneplan_data as data;
pub use tuneplan_engines::import;
pub use tuneplan_ground::{files, jobs, limits, typos, units};
pub use tuneplan_models::{architecture, catalog};
pub use tuneplan_numeric::{lab, linear_algebra, preview, quantize};
pub use tuneplan_raster as raster;

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
//! One direction, no loops. A panel never computes and never changes the plan: it shows a view and pushes commands.
//!
//! # Rooms
//!
//! | room | what it is | what it must not know |
//! |---|---|---|
//! | [`files`] | the one way to write a file and the one way to read it | everything else |
//! | [`units`] | bytes, counts and how they are printed | everything else |
//! | [`limits`] | how much a text holds, before anything is made of it | everything but `units` |
//! | [`explained`] | a number with its derivation | everything but `units` |
//! | [`catalog`] | models, accelerators, formats, each entry with its source | files, windows |
//! | [`architecture`] | shape of a model, from catalogue, `config.json`, safetensors, GGUF or by hand | plans' behaviour, windows |
//! | [`plan`] | the plan as plain data; the field table and what is made from it: edits, file, checks, diff | files, windows |
//! | [`estimate`] | from a plan to memory: phases, components, derivations | files, windows, clocks |
//! | [`solve`] | the estimate turned round: what fits, what to change, what is best | files, windows, threads |
//! | [`decide`] | whether to fine-tune at all: rules, evidence, break-even | files, windows, clocks |
//! | [`quantize`] | number formats as codecs: what values become in few bits, and the error | plans, files, windows |
//! | [`linear_algebra`] | singular values of a matrix, small products and sums in the widest registers | everything else |
//! | [`lab`] | the tensors of a model through the codecs, piece by piece | plans, windows |
//! | [`preview`] | a small run of the real thing: LoRA beside frozen weights, trained with candle | plans, windows |
//! | [`validation`] | predicted against measured rows | files, windows |
//! | [`report`] | SVG and tables for other programs | files, windows |
//! | [`jobs`] | named threads that report once | plans |
//! | [`app`] | state, commands, dispatch, history, files, settings, the window's loop | how panels look |
//! | [`ui`] | panels, widgets, theme, fonts | files, threads |
//! | [`raster`] | egui meshes to pixels without a GPU | plans |
//! | [`cli`] | everything the window computes, in a shell | how panels look |
//!
//! # Invariants (held by `tests/layering.rs`)
//!
//! 1. `units explained catalog architecture plan estimate solve decide quantize validation report` know neither egui, threads, clocks, environment
//!    nor — outside the readers of model files — the file system. Same input, same bytes, on every system. Bytes are
//!    integers.
//! 2. `ui` never changes a plan, never blocks, never reads files. It gets a [`ui::View`] and returns commands.
//! 3. `app` alone owns mutable state, files, dialogs and threads. [`app::dispatch()`] is pure and tested without egui.
//! 4. No number reaches a screen or JSON without its unit; every computed number carries its explanation.
//! 5. Files are read and written through [`files`] alone: limits, links, modes and what may be replaced are its own matter.
//! 6. No network code anywhere: nothing the user opens leaves the machine.
//!
//! # Where to change what
//!
//! A new setting is one entry in [`plan::field`]; the panel, the flag, the file with its comment and the undo label
//! follow. A new model class is one arm in `architecture/config`. A new software stack is one file in
//! `assets/profiles`. A new term of the estimate stands in `estimate`, beside the source of its formula. A new number format
//! is a codec in `quantize`; a new kind of layer that the preview trains is an operator in `preview/ops` with its backward.

pub mod app;
pub mod cli;
pub mod decide;
pub mod estimate;
pub mod explained;
pub mod figures;
pub mod plan;
pub mod report;
pub mod solve;
pub mod ui;
pub mod validation;

pub use tuneplan_ground::{files, jobs, limits, units};
pub use tuneplan_models::{architecture, catalog};
pub use tuneplan_numeric::{lab, linear_algebra, preview, quantize};
pub use tuneplan_raster as raster;

//! LoRA and DoRA (Hu et al. 2021; Liu et al. 2024), as Hugging Face PEFT 0.21 adds them.

use super::{AdapterModules, Drawn, Visit, added};
use crate::architecture::{Linear, LinearRole};
use crate::estimate::pass::{LayerPass, linear};
use crate::estimate::picture::{KeptBeside, PieceState, Row};
use crate::estimate::setup::Setup;
use crate::estimate::tape::{Maker, Tape, Tensor};
use crate::explained::Term;
use crate::plan::{Lora, LoraScaling, Targets};

/// Two factors of the rank beside each adapted matrix.
#[derive(Clone, Copy)]
pub struct LoraModules<'a> {
    lora: &'a Lora,
    /// Bytes of a value.
    width: u64,
}

impl<'a> LoraModules<'a> {
    pub(super) fn new(lora: &'a Lora) -> Self {
        Self { lora, width: lora.dtype.bytes().max(1) }
    }

    /// DoRA's magnitudes: one an output, not for stacked experts.
    const fn has_magnitude(&self, linear: &Linear) -> bool {
        self.lora.weight_decomposed && !linear.stacked_experts
    }
}

/// Rank of the factors beside one expert of `linear`: PEFT doubles it where gate and up were two modules.
const fn expert_rank(rank: u64, linear: &Linear) -> u64 {
    if linear.stacked_experts && matches!(linear.role, LinearRole::FusedGateUp) { rank.saturating_mul(2) } else { rank }
}

impl AdapterModules for LoraModules<'_> {
    fn why(&self) -> &'static str {
        "Two factors of rank r beside each adapted matrix; DoRA adds one magnitude per output. Trained copies of \
         table and head stand beside the frozen originals."
    }

    fn targets(&self) -> Option<&Targets> {
        Some(&self.lora.targets)
    }

    fn is_traced(&self) -> bool {
        !self.lora.weight_decomposed
    }

    fn linear_tensors(&self, linear: &Linear, visit: &mut Visit<'_>) {
        // Stacked experts have one pair of factors for all, of rank × experts; gate and up in one doubles the rank.
        let experts = if linear.stacked_experts { linear.copies } else { 1 };
        let copies = linear.copies.checked_div(experts).unwrap_or(1);
        let rank = expert_rank(self.lora.rank, linear).saturating_mul(experts);
        visit(added(rank, linear.in_features, copies, self.width));
        visit(added(linear.out_features, rank, copies, self.width));
        if self.has_magnitude(linear) {
            visit(added(linear.out_features, 1, linear.copies, self.width));
        }
    }

    fn formula(&self, linear: &Linear) -> Option<Term> {
        let out = || Term::count("out", linear.out_features);
        let factors = Term::count("r", expert_rank(self.lora.rank, linear)).note("rank")
            * (Term::count("in", linear.in_features) + out());
        Some(factors.plus(self.has_magnitude(linear).then(out)) * Term::count("bytes", self.width).note("per value"))
    }

    fn linear(&self, pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
        let y = linear::base(pass, tape, x, linear);
        self.beside(pass.setup, tape, [x, y], linear)
    }

    /// PEFT folds the update of stacked experts, and of a router, into a copy of the weight for each forward.
    fn folded(&self, pass: &LayerPass<'_>, tape: &mut Tape, linear: &Linear) -> Option<Tensor> {
        let setup = pass.setup;
        let (rank, held, copies) = if linear.stacked_experts {
            (expert_rank(self.lora.rank, linear).saturating_mul(linear.copies), setup.width, linear.copies)
        } else {
            (self.lora.rank, setup.outer_width, 1)
        };
        let up = tape.param_copy(linear.out_features.saturating_mul(rank), self.width, held);
        let down = tape.param_copy(linear.in_features.saturating_mul(rank), self.width, held);
        let values = copies.saturating_mul(linear.in_features).saturating_mul(linear.out_features);
        let folded = tape.matmul(up, down, values);
        tape.drop(up);
        tape.drop(down);
        Some(folded)
    }

    fn linear_products(&self, linear: &Linear) -> f64 {
        let sides = linear.in_features.saturating_add(linear.out_features);
        expert_rank(self.lora.rank, linear) as f64 * sides as f64
    }

    /// DoRA forms A·B whole in every pass.
    fn pass_operations(&self, linear: &Linear) -> f64 {
        if self.lora.weight_decomposed { 2.0 * self.lora.rank as f64 * linear.weight_params() as f64 } else { 0.0 }
    }

    fn linear_traffic(&self, linear: &Linear) -> f64 {
        linear.in_features as f64 + 3.0 * linear.out_features as f64
    }

    fn drawn(&self, linear: &Linear, weight: &dyn Fn(Row) -> Row) -> Drawn {
        let (d, k) = (linear.out_features, linear.in_features);
        let rank = expert_rank(self.lora.rank, linear);
        let root = self.lora.scaling == LoraScaling::RankStabilized;
        let divisor = if root { (self.lora.rank as f64).sqrt() } else { self.lora.rank as f64 };
        let factor = self.lora.alpha / divisor.max(f64::MIN_POSITIVE);
        let scale = format!("{}", (factor * 1000.0).round() / 1000.0);
        let symbol = if root { "α/√r" } else { "α/r" };
        let start = if self.lora.weight_decomposed {
            Row::default()
                .matrix("m", d, 1, PieceState::Added, "Learned length of every row of the sum (DoRA).")
                .sign("⊙ (")
        } else {
            Row::default()
        };
        let row = weight(start)
            .sign(format!("+ {scale} ·"))
            .matrix("B", d, rank, PieceState::Added, "Starts at zero, so that training starts from the base model.")
            .sign("·")
            .matrix("A", rank, k, PieceState::Added, "Starts random; its output has only the rank's width.");
        let (row, formula) = if self.lora.weight_decomposed {
            (row.sign(") / ‖·‖"), format!("W′ = m ⊙ (W + {symbol}·B·A) / ‖W + {symbol}·B·A‖, {symbol} = {scale}"))
        } else {
            (row, format!("W′ = W + {symbol}·B·A, {symbol} = {scale}"))
        };
        let note =
            "Merged into W after training it costs no time when serving; kept separate, many adapters share one W.";
        Drawn { row, formula, note: note.to_owned() }
    }

    fn needs_input(&self, _linear: &Linear) -> bool {
        true
    }

    fn kept_beside(&self, names: &str) -> Option<KeptBeside> {
        Some(KeptBeside { name: format!("A·x of {names}"), for_input: false })
    }

    fn kept_values(&self, linear: &Linear) -> u64 {
        expert_rank(self.lora.rank, linear)
    }
}

impl LoraModules<'_> {
    /// `y + B(A(dropout(x))) · scaling`; lets go of `y`, keeps `x`.
    fn beside(&self, setup: &Setup<'_>, tape: &mut Tape, [x, y]: [Tensor; 2], linear: &Linear) -> Tensor {
        tape.now(Maker::Adapters);
        let quantized = setup.quantizes(linear) && setup.storage.is_bitsandbytes();
        let y = if quantized {
            // PEFT clones the result of a 4-bit layer before adding to it.
            let copy = tape.copy(y);
            tape.drop(y);
            copy
        } else {
            y
        };
        let wide = if quantized && setup.autocast.is_some() { tape.keep(x) } else { tape.cast(x, self.width) };
        let dropped = if self.lora.dropout > 0.0 { tape.dropout(wide) } else { tape.keep(wide) };
        let a = linear::small(setup, tape, dropped, linear.in_features, self.lora.rank, self.width);
        tape.drop(dropped);
        let b = linear::small(setup, tape, a, self.lora.rank, linear.out_features, self.width);
        tape.drop(a);
        let mut scaled = tape.scale(b);
        tape.drop(b);
        if quantized && setup.autocast.is_none() {
            scaled = tape.cast_owned(scaled, y.width);
        }
        if self.lora.weight_decomposed {
            scaled = decompose(tape, y, scaled, linear);
        }
        let sum = tape.add(y, scaled);
        tape.drop(scaled);
        let out = tape.cast_owned(sum, y.width);
        tape.drop(y);
        tape.drop(wide);
        out
    }
}

/// DoRA: the norm of `W + scaling·B·A` is taken (a copy of the weight comes and goes), base result and update are
/// multiplied with the learned magnitude over that norm.
fn decompose(tape: &mut Tape, y: Tensor, update: Tensor, linear: &Linear) -> Tensor {
    let values = linear.in_features.saturating_mul(linear.out_features);
    tape.bump(values.saturating_mul(2 * update.width.max(2)));
    let base = tape.mul_param(y, linear.out_features, 4, true);
    let base = tape.cast_owned(base, y.width);
    let scaled = tape.mul_param(update, linear.out_features, 4, true);
    tape.drop(update);
    let sum = tape.add(base, scaled);
    tape.drop(base);
    tape.drop(scaled);
    sum
}

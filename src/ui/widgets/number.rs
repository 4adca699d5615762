//! A number that is dragged or typed. What is typed counts when it is finished, by Enter or by leaving the field; Escape
//! gives the old number back. A drag counts as it goes.

use egui::emath::Numeric;
use egui::{Context, DragValue, Id, Key};

/// Every number of the window is one of these.
pub fn typed<'a, N: Numeric>(ctx: &Context, number: &'a mut N) -> DragValue<'a> {
    let given_up = was_given_up(ctx);
    let drag = DragValue::from_get_set(move |new| {
        if let Some(new) = new
            && !given_up
        {
            *number = N::from_f64(new);
        }
        number.to_f64()
    });
    let drag = if N::INTEGRAL { drag.max_decimals(0).range(N::MIN..=N::MAX).speed(0.25) } else { drag };
    drag.update_while_editing(false)
}

/// Notes that Escape was pressed. Called once a frame, before any number is drawn.
pub fn note_escape(ctx: &Context) {
    if ctx.input(|input| input.key_pressed(Key::Escape)) {
        let pass = ctx.cumulative_pass_nr();
        ctx.data_mut(|data| data.insert_temp(mark(), pass));
    }
}

/// Whether what is being typed was given up a moment ago: egui takes a text over up to two passes after its field lost
/// the focus, and looks at the key only in the first.
fn was_given_up(ctx: &Context) -> bool {
    let pressed: Option<u64> = ctx.data(|data| data.get_temp(mark()));
    pressed.is_some_and(|pass| ctx.cumulative_pass_nr() <= pass + 1)
}

fn mark() -> Id {
    Id::unique("escape-pressed")
}

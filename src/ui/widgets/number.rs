//! A number that is dragged or typed. What is typed counts when it is finished, by Enter or by leaving the field; Escape
//! gives the old number back. A drag counts as it goes.

use egui::DragValue;
use egui::emath::Numeric;

/// Every number of the window is one of these.
pub fn typed<N: Numeric>(number: &mut N) -> DragValue<'_> {
    DragValue::new(number).update_while_editing(false)
}

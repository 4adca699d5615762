//! The schedule of a pipeline: one row per stage, forward and backward passes in time.

use crate::estimate::Component;
use crate::estimate::sharding::Devices;
use crate::estimate::sharding::timeline::{Slot, timeline};
use crate::theme::{Tokens, type_size};
use egui::{Align2, FontId, Pos2, Rect, Sense, Stroke, Ui, Vec2};

const ROW: f32 = 22.0;
const LABEL: f32 = 132.0;
/// Narrower than this a pass carries no number.
const NUMBERED: f32 = 15.0;
/// Most stages and micro-batches that are drawn.
const MOST_STAGES: u64 = 16;
const MOST_BATCHES: u64 = 16;
/// Most passes that are drawn.
const MOST_PASSES: u64 = 1024;

/// Draws the schedule; nothing where there are too many stages to tell apart.
pub fn schedule_ui(ui: &mut Ui, devices: &Devices, tokens: &Tokens) {
    let layout = &devices.layout;
    if layout.pipeline > MOST_STAGES {
        ui.label(format!("{} stages are too many to draw; stage 0 keeps most.", layout.pipeline));
        return;
    }
    // An interleaved schedule takes as many micro-batches at a time as there are stages.
    let fit = MOST_PASSES / layout.pipeline.saturating_mul(layout.pieces).max(1);
    let batches = MOST_BATCHES.min(fit.max(1));
    let group = if layout.pieces > 1 { layout.pipeline } else { 1 };
    let batches = (batches / group * group).max(group);
    if batches.saturating_mul(layout.pieces) > MOST_PASSES {
        ui.label(format!("{} pieces per device are too many to draw.", layout.pieces));
        return;
    }
    let slots = timeline(layout, batches);
    let end = slots.iter().map(|slot| slot.start + slot.ticks).max().unwrap_or(1).max(1);
    let size = Vec2::new(ui.available_width().max(1.0), ROW * layout.pipeline as f32);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let label = LABEL.min(area.width() * 0.4);
    let tick = (area.width() - label) / end as f32;
    for stage in 0..layout.pipeline {
        let top = area.top() + ROW * stage as f32;
        let row = Rect::from_min_size(Pos2::new(area.left(), top), Vec2::new(area.width(), ROW - 3.0));
        let of_stage: Vec<&Slot> = slots.iter().filter(|slot| slot.stage == stage).collect();
        let forwards = of_stage.iter().filter(|slot| slot.forward).count();
        let keeps = layout.in_flight(stage);
        let name = format!("Stage {stage}: {forwards} forward passes, keeps {keeps} at once");
        let response = ui.interact(row, ui.scope_id().with(("schedule", stage)), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &name));
        response.on_hover_text_at_pointer(&name);
        let font = FontId::proportional(type_size::small());
        let texts = [format!("Stage {stage} · keeps {keeps}"), format!("{stage} · {keeps}")];
        for text in texts {
            let galley = ui.painter().layout_no_wrap(text, font.clone(), tokens.muted.0);
            if galley.size().x <= label - 6.0 {
                let y = row.center().y - galley.size().y / 2.0;
                ui.painter().galley(Pos2::new(row.left(), y), galley, tokens.muted.0);
                break;
            }
        }
        for slot in of_stage {
            let left = area.left() + label + tick * slot.start as f32;
            let width = (tick * slot.ticks as f32 - 1.0).max(1.0);
            let rect = Rect::from_min_size(Pos2::new(left, row.top()), Vec2::new(width, row.height()));
            let component = if slot.forward { Component::Activations } else { Component::Gradients };
            let fill = tokens.series(component);
            ui.painter().rect_filled(rect, 2, fill);
            if !slot.forward {
                // A second cue beside the colour.
                ui.painter().hline(rect.x_range(), rect.bottom() - 1.5, Stroke::new(2.0, tokens.text.0));
            }
            if width >= NUMBERED {
                let ink = Tokens::text_on(fill);
                let text = (slot.batch + 1).to_string();
                ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(10.5), ink);
            }
        }
    }
}

//! One stacked bar per group of equal devices, all on one axis with the capacity.

use super::memory_bar::nice_step;
use super::segments::{self, Stack, Touched, Way};
use crate::estimate::Component;
use crate::estimate::sharding::{Devices, RankGroup};
use crate::theme::{Tokens, bold, space, type_size};
use crate::units::{ByteUnit, Bytes};
use egui::{Align2, CornerRadius, FontId, Pos2, Rect, Sense, Stroke, Ui, Vec2};

const BAR_HEIGHT: f32 = 24.0;
const LABEL_HEIGHT: f32 = 18.0;
const AXIS_HEIGHT: f32 = 22.0;
const HEAD_HEIGHT: f32 = 18.0;
/// Bars that are drawn; of more, the first ones and the one that needs most.
const MOST_BARS: usize = 16;

/// What the chart shows.
pub struct DeviceBars<'a> {
    /// The devices.
    pub devices: &'a Devices,
    /// What each offers.
    pub capacity: Option<Bytes>,
    /// Unit of labels and axis.
    pub unit: ByteUnit,
    /// Component marked in other charts.
    pub marked: Option<Component>,
}

impl DeviceBars<'_> {
    /// Draws the bars over the width there is.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> Touched {
        let shown = self.shown();
        let row = LABEL_HEIGHT + BAR_HEIGHT + space::s();
        let head = if self.capacity.is_some() { HEAD_HEIGHT } else { 0.0 };
        let size = Vec2::new(ui.available_width().max(1.0), head + row * shown.len() as f32 + AXIS_HEIGHT);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let most = self.devices.groups.iter().map(|group| group.at_peak.total()).max().unwrap_or_default();
        let most = most.max(self.capacity.unwrap_or_default()).max(Bytes(1));
        let at = |bytes: Bytes| area.left() + area.width() * (bytes.0 as f64 / most.0 as f64) as f32;
        let mut touched = Touched::default();
        let bars = Rect::from_min_max(area.min + Vec2::new(0.0, head), area.max - Vec2::new(0.0, AXIS_HEIGHT));
        for (index, group) in shown.iter().enumerate() {
            let top = bars.top() + row * index as f32;
            self.name(ui, group, Pos2::new(area.left(), top), tokens);
            let bar =
                Rect::from_min_size(Pos2::new(area.left(), top + LABEL_HEIGHT), Vec2::new(area.width(), BAR_HEIGHT));
            ui.painter().rect_filled(bar, CornerRadius::same(4), tokens.raised.0);
            touched = touched.or(self.pieces(ui, group, bar, &at, tokens));
            if let Some(capacity) = self.capacity {
                // Over the bar only: the sums above it stay free.
                let x = at(capacity).min(area.right() - 1.0);
                ui.painter().vline(x, bar.top() - 1.0..=bar.bottom() + 2.0, Stroke::new(2.0, tokens.over.0));
            }
        }
        self.axis(ui, bars, most, &at, tokens);
        if let Some(capacity) = self.capacity {
            let x = at(capacity).min(area.right() - 1.0);
            let text = format!("{} capacity of each", capacity.display(self.unit));
            let font = FontId::proportional(type_size::small());
            let width = ui.painter().layout_no_wrap(text.clone(), font.clone(), tokens.over.0).size().x;
            let left = (x - width).max(area.left());
            ui.painter().text(Pos2::new(left, area.top()), Align2::LEFT_TOP, text, font, tokens.over.0);
        }
        touched
    }

    /// Groups that are drawn.
    fn shown(&self) -> Vec<&RankGroup> {
        let groups = &self.devices.groups;
        let mut shown: Vec<&RankGroup> = groups.iter().take(MOST_BARS).collect();
        if self.devices.worst >= MOST_BARS
            && let Some(worst) = self.devices.worst_group()
        {
            shown.pop();
            shown.push(worst);
        }
        shown
    }

    /// `Devices 0–3 · stage 0`, its sum at the right end.
    fn name(&self, ui: &Ui, group: &RankGroup, at: Pos2, tokens: &Tokens) {
        let mut text = title(group, self.devices);
        if self.devices.groups.iter().any(|other| other.micro_batch != group.micro_batch) {
            text = format!("{text} · micro-batch {}", group.micro_batch);
        }
        let sum = group.process.expected.display(self.unit);
        let right = at.x + ui.min_rect().width();
        let painter = ui.painter();
        let font = FontId::proportional(type_size::body());
        let galley = painter.layout_no_wrap(sum, bold(type_size::body()), tokens.text.0);
        let left = right - galley.size().x;
        painter.galley(Pos2::new(left, at.y), galley, tokens.text.0);
        // The name gives way where both do not fit.
        let room = left - at.x - space::s();
        let longest = painter.layout_no_wrap(text, font.clone(), tokens.muted.0);
        let name =
            if longest.size().x <= room { longest } else { painter.layout_no_wrap(group.name(), font, tokens.muted.0) };
        if name.size().x <= room {
            painter.galley(at, name, tokens.muted.0);
        }
    }

    fn pieces(&self, ui: &Ui, group: &RankGroup, bar: Rect, at: &impl Fn(Bytes) -> f32, tokens: &Tokens) -> Touched {
        let held = segments::held(&group.at_peak);
        let whole = title(group, self.devices).to_lowercase();
        let end = |_: Component, sum| at(sum) - bar.left();
        let stack = Stack {
            id: ui.scope_id().with(("device-bar", group.rank)),
            room: bar,
            way: Way::Right,
            pieces: segments::pieces(&held, (&whole, self.unit), self.marked, tokens, end),
            corners: |_, _, _| CornerRadius::ZERO,
        };
        stack.show(ui, tokens).touched(&held)
    }

    fn axis(&self, ui: &Ui, bars: Rect, most: Bytes, at: &impl Fn(Bytes) -> f32, tokens: &Tokens) {
        let font = FontId::proportional(type_size::small());
        let text = |text: String| ui.painter().layout_no_wrap(text, font.clone(), tokens.muted.0);
        let unit = text(self.unit.symbol().to_owned());
        let unit_left = bars.right() - unit.size().x;
        let y = bars.bottom() + 4.0;
        ui.painter().galley(Pos2::new(unit_left, y), unit, tokens.muted.0);
        let ticks = f64::from((bars.width() / 72.0).clamp(1.0, 8.0));
        let step = nice_step(most.in_unit(self.unit) / ticks);
        let mut free_from = bars.left();
        for i in 0..=ticks as u32 {
            let tick = ((f64::from(i) * step) * 1000.0).round() / 1000.0;
            let place = Bytes((tick * self.unit.bytes() as f64) as u64);
            if place > most {
                break;
            }
            let galley = text(format!("{tick}"));
            let x = at(place);
            let left = (x - galley.size().x / 2.0).max(bars.left());
            let right = left + galley.size().x + 6.0;
            if left >= free_from && right <= unit_left {
                free_from = right;
                ui.painter().galley(Pos2::new(left, y), galley, tokens.muted.0);
            }
        }
    }
}

/// `Device 0`, `Devices 0–3 · stage 1`.
pub fn title(group: &RankGroup, devices: &Devices) -> String {
    let noun = if group.ranks == 1 { "Device" } else { "Devices" };
    if devices.layout.pipeline > 1 {
        format!("{noun} {} · stage {}", group.name(), group.stage)
    } else {
        format!("{noun} {}", group.name())
    }
}

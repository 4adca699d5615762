//! Closing as soon as something is on screen: how `benches/start.sh` measures the start of the program.

use std::io::Write as _;

/// How long the window stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until someone closes it.
    UntilClosed,
    /// For one frame.
    OneFrame,
}

/// An app that says `first frame` on standard output once its first frame is on screen, and closes.
pub struct OneFrame {
    app: Box<dyn eframe::App>,
    painted: bool,
}

impl OneFrame {
    /// `app`, closed after its first frame.
    pub const fn of(app: Box<dyn eframe::App>) -> Self {
        Self { app, painted: false }
    }
}

impl eframe::App for OneFrame {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        if self.painted {
            // Nobody may be listening; the window closes all the same.
            let _ = writeln!(std::io::stdout(), "first frame");
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
        self.app.logic(ctx, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
        self.painted = true;
        ui.ctx().request_repaint();
    }
}

//! An empty window of the same toolkit, renderer and size that says `first frame` once it is painted and closes: what
//! `benches/start.sh` compares the start of the program with.

use std::io::Write as _;

struct Empty {
    painted: bool,
}

impl eframe::App for Empty {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if self.painted {
            // Nobody may be listening; the window closes all the same.
            let _ = writeln!(std::io::stdout(), "first frame");
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.painted = true;
        ui.ctx().request_repaint();
    }
}

fn main() -> eframe::Result {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([1280.0, 800.0]),
        renderer: eframe::Renderer::Glow,
        ..Default::default()
    };
    eframe::run_native("Empty window", options, Box::new(|_| Ok(Box::new(Empty { painted: false }))))
}

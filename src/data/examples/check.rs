use std::path::Path;
fn main() {
    for path in std::env::args().skip(1) {
        let report = tuneplan_data::check::check(Path::new(&path), Default::default());
        println!(
            "== {path}: {:?} {:?} rows {} bad {} unusable {}",
            report.layout, report.shape, report.rows, report.unreadable, report.is_unusable
        );
        for f in &report.findings {
            let p: Vec<String> = f.places.iter().take(3).map(|p| format!("{}@{} {}", p.line, p.byte, p.path)).collect();
            println!("  {} {} x{} {:?} {}", f.check.severity.id(), f.check.id, f.count, p, f.detail);
        }
    }
}

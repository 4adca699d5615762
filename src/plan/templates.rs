//! Plans to start from.

use super::{Plan, file};
use std::sync::OnceLock;

/// A plan to start from.
pub struct Template {
    /// Name on the command line and in menus.
    pub name: &'static str,
    /// The plan.
    pub plan: Plan,
}

/// Name and file of each template.
const FILES: &[(&str, &str)] = &[
    ("7b-qlora-24gb", include_str!("../../assets/templates/7b-qlora-24gb.plan.ron")),
    ("8b-lora-80gb", include_str!("../../assets/templates/8b-lora-80gb.plan.ron")),
    ("1b-full-24gb", include_str!("../../assets/templates/1b-full-24gb.plan.ron")),
    ("70b-qlora-2x48gb", include_str!("../../assets/templates/70b-qlora-2x48gb.plan.ron")),
    ("0.5b-lora-laptop", include_str!("../../assets/templates/0.5b-lora-laptop.plan.ron")),
    ("textbook-13b", include_str!("../../assets/templates/textbook-13b.plan.ron")),
    ("long-context", include_str!("../../assets/templates/long-context.plan.ron")),
    ("preference", include_str!("../../assets/templates/preference.plan.ron")),
    ("inference-8b", include_str!("../../assets/templates/inference-8b.plan.ron")),
];

/// All templates. They are plan files like any other; a test reads each.
pub fn templates() -> &'static [Template] {
    static TEMPLATES: OnceLock<Vec<Template>> = OnceLock::new();
    TEMPLATES.get_or_init(|| {
        FILES
            .iter()
            .filter_map(|(name, text)| file::read(text).ok().map(|loaded| Template { name, plan: loaded.plan }))
            .collect()
    })
}

//! Single values as YAML and JSON write them.

use super::table::Value;
pub use super::tree::quoted;

/// As YAML, in a form PyYAML reads as it is meant.
pub fn yaml(value: &Value) -> String {
    super::yaml::scalar(value)
}

/// As JSON.
pub fn json(value: &Value) -> String {
    super::tree::json_value(value)
}

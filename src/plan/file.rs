//! Plan files: RON text that a person reviews in a diff.
//!
//! One key a line, stable order, LF, the field table's help as comments; saving without a change gives the same
//! bytes. Unknown keys are reported with their line and kept. Pure text in, text out; `app` does the input and output.

//! Which fields differ between two plans.

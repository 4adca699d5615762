//! Background work: named threads, latest-value progress, real cancellation.

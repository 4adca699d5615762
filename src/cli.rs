//! Subcommands: everything the window computes, in a shell or in CI.

//! What window and command line both show of a plan, worked out in one place. It knows no windows.

mod needs;

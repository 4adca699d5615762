//! Between a plan and the files of training engines.

pub mod account;
pub mod configured;
pub mod export;
pub mod facts;
pub mod planned;
pub mod round_trip;
pub mod serving;
mod torchtune;

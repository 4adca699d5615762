//! The program around the domain: state, commands, dispatch, files, history, settings. The only owner of mutable state.

//! The real programs, unmodified, with a throw-away home and a simulated provider behind them.
//!
//! They come from the package registry; `cargo xtask test clients` installs them.

#[cfg(test)]
mod programs {
    mod claude;
    mod codex;
    mod copilot;
    mod rig;
}

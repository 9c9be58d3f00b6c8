//! The official Python SDKs of OpenAI and Anthropic as callers of the real program, each against
//! both dialects behind it.
//!
//! Starting an SDK costs more than everything it then does. So each of the two programs in `sdk/`
//! plays all its scenarios once, and one test per scenario and provider judges what was told.

#[cfg(test)]
#[path = "e2e/rig.rs"]
mod rig;

#[cfg(test)]
mod clients {
    pub(crate) mod anthropic;
    pub(crate) mod matrix;
    pub(crate) mod oidc_provider;
    pub(crate) mod openai;
    pub(crate) mod play;
    pub(crate) mod python;
}

//! How an account comes into the vault: one file per flow, driven by the catalogue's rows.
//!
//! A provider is never known by name here; what its row does not say, is not done. Credentials go to
//! the row's address or to the one the user configured, over https (http on this machine only), and
//! no redirect is followed: an answer must not be able to send a key elsewhere.

mod check;
mod error;
mod http;
mod key;

pub use check::{Verdict, check_key};
pub use error::{KeyTrouble, SigninError};
pub use http::Http;
pub use key::{guess_provider, tidy_key};

//! How an account comes into the vault: one file per flow, driven by the catalogue's rows.
//!
//! A provider is never known by name here; what its row does not say, is not done. Credentials go to
//! the row's address or to the one the user configured, over https (http on this machine only), and
//! no redirect is followed: an answer must not be able to send a key elsewhere.

mod aws;
mod bridge;
mod call;
mod callback;
mod check;
mod client;
mod clock;
mod code;
mod comeback;
mod device;
mod discovery;
mod error;
mod exchange;
#[cfg(test)]
mod fixture;
mod flow;
mod grant;
mod http;
mod id_token;
mod identity;
mod import;
mod installed;
mod keeper;
mod key;
mod link;
mod loopback;
mod overrides;
mod own_headers;
mod pkce;
mod poll;
mod refresh;
mod refusal;
mod revoke;
mod rounds;
mod scene;
mod sign_ins;
mod stage;
mod state;
mod step;

pub use check::{LoginVerdict, Verdict, check_key, check_login};
pub use error::{KeyTrouble, SigninError};
pub use grant::{Grant, Granted, Identity};
pub use http::Http;
pub use import::{
    FollowTrouble, FollowedToken, Follower, Found, FoundKind, ImportVerdict, Importer, Machine,
    import_sources, read_followed,
};
pub use keeper::{Keeper, Token, TokenAsk, TokenTrouble};
pub use key::{guess_provider, tidy_key};
pub use link::{BadLink, Link};
pub use overrides::Overrides;
pub use own_headers::identity_headers;
pub use revoke::{LogoutReport, Revoked, log_out};
pub use sign_ins::{SignIn, SignInRequest, SignIns, route_for};
pub use stage::{API_BASE, PROFILE_ARN, PROJECT};
pub use state::{AccountState, StateFacts, StateKind};
pub use step::{Step, Work};

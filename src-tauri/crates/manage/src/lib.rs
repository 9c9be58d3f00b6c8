//! The management API: one set of operations for window, web page, command line and terminal alike.
//!
//! [`Desk`] does the work on an engine, [`router`] is its HTTP form under `/manage`, and [`Client`]
//! calls that form: over HTTP where an engine runs, within the process where none does. So there is
//! one path for every viewer and no second truth. Secrets go in and, but for a client key that was
//! just made, never come out. Every call wants the management token; a client key is no such proof.

mod client;
mod desk;
mod endpoint;
mod error;
mod events;
#[cfg(test)]
mod fixture;
mod openapi;
mod page;
mod private_file;
mod router;
mod token;

pub use client::{Client, ClientError};
pub use desk::accounts::{
    AccountInfo, AccountsResponse, AddAccountParams, AddAccountResponse, ChangeAccountParams,
    FailureInfo, KeyInput,
};
pub use desk::check::{CheckOutcome, CheckResponse};
pub use desk::config::{
    AuthInfo, BridgeInfo, ConfigResponse, OauthInfo, ProviderSettings, TimeoutsInfo,
};
pub use desk::imports::{
    FoundInfo, FoundKindInfo, ImportParams, ImportResponse, ImportsResponse, RefusedImport,
    VerdictInfo, VerdictKind,
};
pub use desk::keys::{
    CreateKeyParams, CreateKeyResponse, KeyInfo, KeysResponse, LimitsInfo, RevokeKeyResponse,
};
pub use desk::links::{FollowLinkParams, FollowLinkResponse, LinkInfo, LinkOutcome, LinkResponse};
pub use desk::logout::{LogoutResponse, RevokedInfo};
pub use desk::models::{ModelInfo, ModelsResponse, PriceInfo};
pub use desk::notices::{AcceptNoticeParams, NoticeInfo};
pub use desk::providers::{FieldInfo, ProviderInfo, ProvidersResponse};
pub use desk::routes::RouteInfo;
pub use desk::sign_ins::{PasteParams, SignInInfo, SignInsResponse, StartSignInParams};
pub use desk::state::{AccountState, StateKind};
pub use desk::status::{AccountCounts, IdleAccount, StatusResponse};
pub use desk::step::{StepInfo, WorkInfo};
pub use desk::usage::{
    AuditInfo, AuditResponse, AuditVerdict, RecentResponse, RequestInfo, Tokens, UsageBy,
    UsageGroup, UsageResponse,
};
pub use desk::{Desk, Setting};
pub use endpoint::{Endpoint, Published};
pub use error::{Code, ManageError, RetiredInfo};
pub use openapi::document;
pub use page::{CONTENT_SECURITY_POLICY, PageLinkResponse};
pub use router::router;
pub use token::ManageToken;

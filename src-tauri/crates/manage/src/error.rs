use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use byokey_gateway::EngineError;
use byokey_signin::{KeyTrouble, SigninError};
use byokey_vault::VaultError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::desk::notices::NoticeInfo;

/// Why an operation was refused, in a form that a viewer can branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The management token is missing or wrong.
    Unauthorized,
    /// Nothing stands at this path, or there is no such account or key.
    NotFound,
    /// The path knows no such method.
    Method,
    /// Body or query are not what the operation takes.
    BadRequest,
    /// The body is larger than 1 MiB.
    TooLarge,
    /// No row and no configuration knows this provider.
    UnknownProvider,
    /// The text cannot be a key.
    KeyShape,
    /// The provider does not accept the key, or keys of this kind.
    KeyRefused,
    /// The provider could not be asked whether the key works.
    Unreachable,
    /// The provider's answer says nothing about the key.
    Unclear,
    /// No route of the provider has this name.
    Unknown,
    /// The provider is used with keys, not by signing in.
    KeysOnly,
    /// A person must read and accept a notice first; `notice` is it.
    NeedsNotice,
    /// The provider has ended this way; `retired` tells more.
    Retired,
    /// The sign-in cannot be done.
    SignIn,
    /// The name is taken.
    NameTaken,
    /// A name or value has a form that cannot be kept.
    BadValue,
    /// The configuration is wrong; the old one stays in force.
    Config,
    /// The vault failed.
    Vault,
    /// byokey itself failed.
    Internal,
}

/// An operation that was refused: a code for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct ManageError {
    /// What happened.
    pub code: Code,
    /// What happened and what to do.
    pub message: String,
    /// What a person must read and accept first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Box<NoticeInfo>>,
    /// Why a way is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Box<RetiredInfo>>,
}

/// Why a way to sign in is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetiredInfo {
    /// The route's name.
    pub route: String,
    /// Day on which it ended, `YYYY-MM-DD`; empty if unknown.
    pub since: String,
    /// Why.
    pub reason: String,
    /// What to use instead.
    pub replacement: String,
}

/// The body of every refusal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorResponse {
    pub(crate) error: ManageError,
}

impl ManageError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            notice: None,
            retired: None,
        }
    }

    fn status(&self) -> StatusCode {
        match self.code {
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::NotFound | Code::UnknownProvider | Code::Unknown => StatusCode::NOT_FOUND,
            Code::Method => StatusCode::METHOD_NOT_ALLOWED,
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::KeyShape
            | Code::KeyRefused
            | Code::KeysOnly
            | Code::BadValue
            | Code::Config
            | Code::SignIn => StatusCode::UNPROCESSABLE_ENTITY,
            Code::NameTaken | Code::NeedsNotice | Code::Retired => StatusCode::CONFLICT,
            Code::Unreachable | Code::Unclear => StatusCode::BAD_GATEWAY,
            Code::Vault | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ManageError {
    fn into_response(self) -> Response {
        (self.status(), Json(ErrorResponse { error: self })).into_response()
    }
}

impl From<VaultError> for ManageError {
    fn from(error: VaultError) -> Self {
        let code = match error {
            VaultError::NoAccount(_) | VaultError::NoClientKey(_) => Code::NotFound,
            VaultError::NameTaken { .. } | VaultError::ClientNameTaken(_) => Code::NameTaken,
            VaultError::BadName { .. } => Code::BadValue,
            _ => Code::Vault,
        };
        Self::new(code, error.to_string())
    }
}

impl From<EngineError> for ManageError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Vault(error) => error.into(),
            EngineError::Config(_) | EngineError::Catalog(_) => {
                Self::new(Code::Config, error.to_string())
            }
            EngineError::Listen(_) => Self::new(Code::Internal, error.to_string()),
        }
    }
}

impl From<KeyTrouble> for ManageError {
    fn from(trouble: KeyTrouble) -> Self {
        Self::new(Code::KeyShape, trouble.to_string())
    }
}

impl From<SigninError> for ManageError {
    fn from(error: SigninError) -> Self {
        let code = match &error {
            SigninError::Shape(_) => Code::KeyShape,
            SigninError::BadKey { .. } | SigninError::Refused { .. } => Code::KeyRefused,
            SigninError::Unreachable { .. } => Code::Unreachable,
            SigninError::Unexpected { .. }
            | SigninError::NoCheck { .. }
            | SigninError::Unclear { .. } => Code::Unclear,
            SigninError::Address(_) => Code::Config,
            SigninError::Unknown(_) => Code::Unknown,
            SigninError::KeysOnly(_) => Code::KeysOnly,
            SigninError::Retired { .. } => Code::Retired,
            SigninError::NeedsNotice { .. } => Code::NeedsNotice,
            SigninError::NoSignIn | SigninError::UnknownSource { .. } => Code::NotFound,
            SigninError::Missing(_) | SigninError::NotACode | SigninError::Foreign => {
                Code::BadValue
            }
            SigninError::Store(_) => Code::Vault,
            SigninError::NoRandomness | SigninError::Tls(_) => Code::Internal,
            _ => Code::SignIn,
        };
        let mut refused = Self::new(code, error.to_string());
        if let SigninError::Retired {
            route,
            since,
            reason,
            replacement,
            ..
        } = error
        {
            refused.retired = Some(Box::new(RetiredInfo {
                route,
                since,
                reason,
                replacement,
            }));
        }
        refused
    }
}

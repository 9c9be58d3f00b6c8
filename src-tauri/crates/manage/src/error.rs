use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use byokey_gateway::EngineError;
use byokey_signin::{KeyTrouble, SigninError};
use byokey_vault::VaultError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
        }
    }

    fn status(&self) -> StatusCode {
        match self.code {
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::NotFound | Code::UnknownProvider => StatusCode::NOT_FOUND,
            Code::Method => StatusCode::METHOD_NOT_ALLOWED,
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::KeyShape | Code::KeyRefused | Code::BadValue | Code::Config => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Code::NameTaken => StatusCode::CONFLICT,
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
        let code = match error {
            SigninError::Shape(_) => Code::KeyShape,
            SigninError::BadKey { .. } | SigninError::Refused { .. } => Code::KeyRefused,
            SigninError::Unreachable { .. } => Code::Unreachable,
            SigninError::Unexpected { .. } | SigninError::NoCheck { .. } => Code::Unclear,
            SigninError::Address(_) => Code::Config,
            SigninError::Tls(_) => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

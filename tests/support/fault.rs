//! Errors as the two providers word and dress them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{Kind, Reply};

/// An error reply before it is dressed in a dialect.
#[derive(Debug)]
pub(crate) struct Fault {
    status: u16,
    message: String,
    code: Option<&'static str>,
    param: Option<String>,
}

impl Fault {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            param: None,
        }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// A fault asked for by its status alone.
    pub(crate) fn simulated(status: u16) -> Self {
        let reason = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason());
        Self::new(
            status,
            format!("Simulated: {}", reason.unwrap_or("overloaded")),
        )
    }

    /// The error body of `kind`; `request_id` is part of Anthropic's.
    pub(crate) fn body(&self, kind: Kind, request_id: &str) -> Value {
        match kind {
            Kind::Chat => json!({"error": {
                "message": self.message,
                "type": chat_type(self.status),
                "param": self.param,
                "code": self.code.or_else(|| chat_code(self.status)),
            }}),
            Kind::Messages => json!({
                "type": "error",
                "error": {"type": messages_type(self.status), "message": self.message},
                "request_id": request_id,
            }),
        }
    }

    pub(crate) fn reply(&self, kind: Kind, request_id: &str) -> Reply {
        Reply::json(self.status, &self.body(kind, request_id))
    }
}

fn chat_type(status: u16) -> &'static str {
    match status {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn chat_code(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("invalid_api_key"),
        404 => Some("model_not_found"),
        429 => Some("rate_limit_exceeded"),
        503 => Some("server_is_overloaded"),
        _ => None,
    }
}

fn messages_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

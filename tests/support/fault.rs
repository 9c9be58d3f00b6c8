//! Errors as the providers word and dress them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::Reply;

/// Whose form an error takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dress {
    OpenAi,
    /// A ChatGPT plan's back end.
    Plan,
    Anthropic,
    Google,
    Amazon,
}

/// An error reply before it is dressed.
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

    /// The error body; `request_id` is part of Anthropic's.
    pub(crate) fn body(&self, dress: Dress, request_id: &str) -> Value {
        match dress {
            Dress::OpenAi => json!({"error": {
                "message": self.message,
                "type": openai_type(self.status),
                "param": self.param,
                "code": self.code.or_else(|| openai_code(self.status)),
            }}),
            Dress::Plan => json!({"detail": self.message}),
            Dress::Anthropic => json!({
                "type": "error",
                "error": {"type": anthropic_type(self.status), "message": self.message},
                "request_id": request_id,
            }),
            Dress::Google => json!({"error": {
                "code": self.status, "message": self.message,
                "status": google_status(self.status), "details": self.details(),
            }}),
            Dress::Amazon => json!({"message": self.message, "reason": self.code}),
        }
    }

    pub(crate) fn reply(&self, dress: Dress, request_id: &str) -> Reply {
        Reply::json(self.status, &self.body(dress, request_id))
    }

    fn details(&self) -> Value {
        let kind = |name: &str| format!("type.googleapis.com/google.rpc.{name}");
        match (self.code, self.status) {
            (Some(reason), _) => json!([{"@type": kind("ErrorInfo"), "reason": reason,
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"}}]),
            (None, 429) => json!([{"@type": kind("RetryInfo"), "retryDelay": "7s"}]),
            (None, _) => json!([]),
        }
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn openai_code(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("invalid_api_key"),
        404 => Some("model_not_found"),
        429 => Some("rate_limit_exceeded"),
        503 => Some("server_is_overloaded"),
        _ => None,
    }
}

fn anthropic_type(status: u16) -> &'static str {
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

fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

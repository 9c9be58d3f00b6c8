use super::{Fault, FaultKind};
use crate::{
    Dialect,
    json::{Object, write_int, write_list, write_str},
};

/// What callers of Messages take for a full window: Claude Code compacts its conversation on it.
const MESSAGES_TOO_LONG: &str = "prompt is too long";

/// The status and the JSON body with which a fault is told to a caller.
pub fn error_body(dialect: Dialect, fault: &Fault, request_id: &str) -> (u16, Vec<u8>) {
    let mut body = Vec::with_capacity(256);
    let status = match dialect {
        Dialect::Messages => messages(fault, request_id, &mut body),
        Dialect::Gemini => gemini(fault, &mut body),
        Dialect::Chat | Dialect::Responses | Dialect::Kiro => openai(fault, &mut body),
    };
    (status, body)
}

/// The last frame of a running stream that ends with a fault.
pub fn error_event(dialect: Dialect, fault: &Fault, request_id: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(256);
    match dialect {
        Dialect::Messages => {
            frame.extend_from_slice(b"event: error\ndata: ");
            messages(fault, request_id, &mut frame);
        }
        Dialect::Gemini => {
            frame.extend_from_slice(b"data: ");
            gemini(fault, &mut frame);
        }
        Dialect::Responses => return numbered_error(fault, 0),
        Dialect::Chat | Dialect::Kiro => {
            frame.extend_from_slice(b"data: ");
            openai(fault, &mut frame);
        }
    }
    frame.extend_from_slice(b"\n\n");
    frame
}

/// The error event of a Responses stream, with its number.
pub(crate) fn numbered_error(fault: &Fault, number: u64) -> Vec<u8> {
    let mut frame = b"event: error\ndata: {\"type\":\"error\",\"sequence_number\":".to_vec();
    write_int(&mut frame, number);
    frame.push(b',');
    openai_members(fault, row(fault.kind), &mut frame);
    frame.extend_from_slice(b"}\n\n");
    frame
}

/// The error of a Responses reply that has failed after it had begun: `{"code","message"}`.
pub(crate) fn failed_error(fault: &Fault) -> Vec<u8> {
    let mut error = Vec::with_capacity(128);
    error.extend_from_slice(b"{\"code\":");
    write_str(
        &mut error,
        code(fault, &row(fault.kind)).unwrap_or("server_error"),
    );
    error.extend_from_slice(b",\"message\":");
    write_str(&mut error, &fault.message);
    error.push(b'}');
    error
}

/// Bytes that keep a silent stream open without saying anything. Some programs that speak Messages
/// do not count comments as a sign of life, so there it is an event. Programs that speak Gemini take
/// a comment for half a chunk and give up, so there it is nothing.
pub fn keep_alive(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::Messages => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
        Dialect::Gemini => b"",
        _ => b": keep-alive\n\n",
    }
}

/// How one kind of fault looks in each dialect.
struct Row {
    openai_status: u16,
    openai_type: &'static str,
    /// `None`: the fault's own code, if it has one.
    openai_code: Option<&'static str>,
    messages_status: u16,
    messages_type: &'static str,
    gemini_status: u16,
    gemini_name: &'static str,
}

/// The one table: status, type and code for OpenAI's dialects; status and type for Messages; status
/// and name for Gemini.
fn row(kind: FaultKind) -> Row {
    use FaultKind as K;
    let row = |openai: (u16, &'static str, Option<&'static str>),
               messages: (u16, &'static str),
               gemini: (u16, &'static str)| Row {
        openai_status: openai.0,
        openai_type: openai.1,
        openai_code: openai.2,
        messages_status: messages.0,
        messages_type: messages.1,
        gemini_status: gemini.0,
        gemini_name: gemini.1,
    };
    const INVALID: &str = "invalid_request_error";
    const LIMIT: &str = "rate_limit_error";
    match kind {
        K::BadRequest => row(
            (400, INVALID, None),
            (400, INVALID),
            (400, "INVALID_ARGUMENT"),
        ),
        K::Lossy => row(
            (400, INVALID, Some("lossy_translation")),
            (400, INVALID),
            (400, "INVALID_ARGUMENT"),
        ),
        K::ContextTooLong => row(
            (400, INVALID, Some("context_length_exceeded")),
            (400, INVALID),
            (400, "INVALID_ARGUMENT"),
        ),
        K::ClientKey => row(
            (401, INVALID, Some("invalid_api_key")),
            (401, "authentication_error"),
            (401, "UNAUTHENTICATED"),
        ),
        K::Forbidden | K::Permission => row(
            (403, "permission_error", Some("permission_denied")),
            (403, "permission_error"),
            (403, "PERMISSION_DENIED"),
        ),
        // Not 401: programs would throw away their byokey key.
        K::AccountAuth => row(
            (502, "upstream_error", Some("account_needs_login")),
            (502, "api_error"),
            (503, "UNAVAILABLE"),
        ),
        K::UnknownModel => row(
            (404, INVALID, Some("model_not_found")),
            (404, "not_found_error"),
            (404, "NOT_FOUND"),
        ),
        K::UnknownPath => row(
            (404, INVALID, Some("unknown_url")),
            (404, "not_found_error"),
            (404, "NOT_FOUND"),
        ),
        K::UnknownResponse => row(
            (404, INVALID, None),
            (404, "not_found_error"),
            (404, "NOT_FOUND"),
        ),
        K::Method => row(
            (405, INVALID, Some("method_not_allowed")),
            (405, INVALID),
            (405, "INVALID_ARGUMENT"),
        ),
        K::TooLarge => row(
            (413, INVALID, Some("request_too_large")),
            (413, "request_too_large"),
            (413, "INVALID_ARGUMENT"),
        ),
        K::RateLimit => row(
            (429, LIMIT, Some("rate_limit_exceeded")),
            (429, LIMIT),
            (429, "RESOURCE_EXHAUSTED"),
        ),
        K::Quota => row(
            (429, LIMIT, Some("usage_limit_reached")),
            (429, LIMIT),
            (429, "RESOURCE_EXHAUSTED"),
        ),
        K::Billing => row(
            (429, "insufficient_quota", Some("insufficient_quota")),
            (402, "billing_error"),
            (429, "RESOURCE_EXHAUSTED"),
        ),
        K::Overloaded => row(
            (503, "server_error", Some("overloaded")),
            (529, "overloaded_error"),
            (503, "UNAVAILABLE"),
        ),
        K::Upstream => row(
            (502, "upstream_error", None),
            (500, "api_error"),
            (500, "INTERNAL"),
        ),
        K::Timeout => row(
            (504, "server_error", Some("timeout")),
            (504, "timeout_error"),
            (504, "DEADLINE_EXCEEDED"),
        ),
        K::NoAccount => row(
            (503, "server_error", Some("no_account")),
            (503, "api_error"),
            (503, "UNAVAILABLE"),
        ),
        K::Internal => row(
            (500, "server_error", None),
            (500, "api_error"),
            (500, "INTERNAL"),
        ),
    }
}

fn openai(fault: &Fault, out: &mut Vec<u8>) -> u16 {
    let row = row(fault.kind);
    let status = row.openai_status;
    out.extend_from_slice(b"{\"error\":{\"type\":");
    write_str(out, row.openai_type);
    out.push(b',');
    openai_members(fault, row, out);
    out.extend_from_slice(b"}}");
    status
}

/// `message`, `param` and `code`.
fn openai_members(fault: &Fault, row: Row, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"message\":");
    write_str(out, &fault.message);
    out.extend_from_slice(b",\"param\":");
    write_or_null(out, fault.param.as_deref());
    out.extend_from_slice(b",\"code\":");
    write_or_null(out, code(fault, &row));
}

fn code<'f>(fault: &'f Fault, row: &Row) -> Option<&'f str> {
    let own = match fault.kind {
        FaultKind::Upstream => fault.code.as_deref().or(Some("upstream_error")),
        FaultKind::Internal => fault.code.as_deref().or(Some("internal_error")),
        _ => fault.code.as_deref(),
    };
    row.openai_code.or(own)
}

fn messages(fault: &Fault, request_id: &str, out: &mut Vec<u8>) -> u16 {
    let row = row(fault.kind);
    out.extend_from_slice(b"{\"type\":\"error\",\"error\":{\"type\":");
    write_str(out, row.messages_type);
    out.extend_from_slice(b",\"message\":");
    let starts_right = fault
        .message
        .get(..MESSAGES_TOO_LONG.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(MESSAGES_TOO_LONG));
    if fault.kind == FaultKind::ContextTooLong && !starts_right {
        write_str(out, &format!("{MESSAGES_TOO_LONG}: {}", fault.message));
    } else {
        write_str(out, &fault.message);
    }
    out.extend_from_slice(b"},\"request_id\":");
    write_or_null(out, Some(request_id).filter(|id| !id.is_empty()));
    out.push(b'}');
    row.messages_status
}

fn gemini(fault: &Fault, out: &mut Vec<u8>) -> u16 {
    let row = row(fault.kind);
    out.extend_from_slice(b"{\"error\":{\"code\":");
    write_int(out, row.gemini_status);
    out.extend_from_slice(b",\"message\":");
    write_str(out, &fault.message);
    out.extend_from_slice(b",\"status\":");
    write_str(out, row.gemini_name);
    gemini_details(fault, row.openai_code, out);
    out.extend_from_slice(b"}}");
    row.gemini_status
}

/// Why, which member, which quota and how long to wait, in the forms that Google's clients know.
fn gemini_details(fault: &Fault, code: Option<&str>, out: &mut Vec<u8>) {
    let mut details: Vec<Vec<u8>> = Vec::new();
    let mut detail = |kind: &str, fill: &mut dyn FnMut(&mut Object<'_>)| {
        let mut json = Vec::new();
        let mut object = Object::begin(&mut json);
        object.text("@type", &format!("type.googleapis.com/google.rpc.{kind}"));
        fill(&mut object);
        object.end();
        details.push(json);
    };
    if let Some(code) = code.or(fault.code.as_deref()) {
        let word = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let reason: String = code.chars().map(word).collect();
        detail("ErrorInfo", &mut |object| {
            object.text("reason", &reason);
            object.text("domain", "byokey");
        });
    }
    if let Some(param) = &fault.param {
        let mut violation = Vec::new();
        let mut object = Object::begin(&mut violation);
        object.text("field", param);
        object.text("description", &fault.message);
        object.end();
        detail("BadRequest", &mut |object| {
            write_list(object.key("fieldViolations"), [&violation], |out, json| {
                out.extend_from_slice(json);
            });
        });
    }
    if let Some(seconds) = fault.retry_after_s {
        detail("RetryInfo", &mut |object| {
            object.text("retryDelay", &format!("{seconds}s"))
        });
    }
    if !details.is_empty() {
        out.extend_from_slice(b",\"details\":");
        write_list(out, details, |out, json| out.extend_from_slice(&json));
    }
}

fn write_or_null(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => write_str(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests;

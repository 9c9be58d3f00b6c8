use serde_json::Value;

use super::{Fault, FaultKind, google::Details};
use crate::{Dialect, Remedy, json};

/// Longest message kept, in bytes.
const MAX_MESSAGE: usize = 2048;
/// Longest text kept from a page that was meant for a browser.
const MAX_TITLE: usize = 120;

/// What a provider's error reply says, whatever its shape: any JSON, a web page, nothing.
pub fn read_error(upstream: Dialect, status: u16, body: &[u8]) -> Fault {
    let mended = json::mend(body);
    let body = mended.as_deref().unwrap_or(body);
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if !value.is_null() => read_json(upstream, status, &value),
        _ => {
            let text = String::from_utf8_lossy(body);
            let message = page_message(status, text.trim());
            let kind = match kind_of_status(status) {
                // Without the provider's own word for it, it is rather the address that is wrong.
                FaultKind::UnknownModel => FaultKind::Upstream,
                kind => kind,
            };
            Fault::new(kind, message)
        }
    }
}

/// A fault that a provider reports inside a stream, after it had answered 200.
pub(crate) fn stream_fault(upstream: Dialect, data: &[u8]) -> Fault {
    read_error(upstream, 200, data)
}

fn read_json(upstream: Dialect, status: u16, value: &Value) -> Fault {
    // Gemini wraps errors of streams into a list.
    let top = value.get(0).unwrap_or(value);
    let error = match top.get("error") {
        Some(error) if !error.is_null() => error,
        _ => match top
            .get("response")
            .and_then(|response| response.get("error"))
        {
            Some(error) if !error.is_null() => error,
            _ => top,
        },
    };
    let word = |name: &str| {
        [error, top]
            .iter()
            .find_map(|place| place.get(name)?.as_str())
            .filter(|word| !word.is_empty())
    };
    let their_type = match error.get("type").and_then(Value::as_str) {
        // Amazon's types may have the name of their service before them.
        _ if upstream == Dialect::Kiro => {
            let name = word("__type").and_then(|name| name.rsplit('#').next());
            name.filter(|name| !name.is_empty())
        }
        Some("") | None => word("error_type"),
        Some(their_type) => Some(their_type),
    };
    let details = Details::of(error);
    let code = match upstream {
        Dialect::Kiro => word("reason"),
        Dialect::Gemini => details
            .reason()
            .or(error.get("status").and_then(Value::as_str)),
        _ => word("code").or(error.get("status").and_then(Value::as_str)),
    };
    let number = [error.get("code"), top.get("status"), top.get("code")]
        .into_iter()
        .flatten()
        .find_map(|number| u16::try_from(number.as_u64()?).ok())
        .filter(|number| (400..600).contains(number));
    let status = if status < 400 {
        number.unwrap_or(status)
    } else {
        status
    };
    let message = message(error, top)
        .or(their_type)
        .or(code)
        .map_or_else(|| page_message(status, ""), cut);

    let words = Words {
        code: code.unwrap_or_default(),
        their_type: their_type.unwrap_or_default(),
        message: &message.to_ascii_lowercase(),
        details,
    };
    let mut fault = Fault::new(words.kind(upstream, status), message.clone());
    if fault.kind == FaultKind::BadRequest {
        let param = error.get("param").and_then(Value::as_str);
        let word = code.or(their_type).unwrap_or_default();
        fault.remedy = Remedy::of(word, param, &message).map(Box::new);
    }
    fault.code = code
        .or(their_type)
        .map(|code| code.chars().take(128).collect());
    fault.param = error
        .get("param")
        .and_then(Value::as_str)
        .or_else(|| details.field())
        .map(str::to_owned);
    fault.retry_after_s = details.retry_after_s();
    if upstream == Dialect::Gemini
        && let Some(help) = details.help()
        && fault.kind == FaultKind::Permission
    {
        fault.message = cut(&format!("{message} ({help})"));
    }
    fault.upstream_id = word("request_id").map(Box::from);
    fault
}

/// The provider's own words, wherever it puts them.
fn message<'v>(error: &'v Value, top: &'v Value) -> Option<&'v str> {
    let found = error
        .as_str()
        .or_else(|| error.get("message").and_then(Value::as_str))
        .or_else(|| top.get("message").and_then(Value::as_str))
        .or_else(|| top.get("Message").and_then(Value::as_str))
        .or_else(|| top.get("detail").and_then(Value::as_str))
        .or_else(|| top.get("detail")?.get(0)?.get("msg")?.as_str())
        .or_else(|| top.get("error_description").and_then(Value::as_str));
    found.map(str::trim).filter(|text| !text.is_empty())
}

/// What a reply without JSON says.
fn page_message(status: u16, text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if text.is_empty() && status < 400 {
        return "the provider broke off its reply with an error".to_owned();
    }
    if text.is_empty() {
        return format!("the provider answered with status {status} and no explanation");
    }
    if lower.starts_with('<') || lower.contains("<html") {
        let title = lower
            .find("<title>")
            .and_then(|start| {
                let start = start + "<title>".len();
                let end = start + lower[start..].find("</title>")?;
                Some(
                    text[start..end]
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" "),
                )
            })
            .unwrap_or_default();
        let title = &title[..title.floor_char_boundary(MAX_TITLE)];
        return if title.is_empty() {
            format!("the provider answered with status {status} and a web page")
        } else {
            format!("the provider answered with status {status} and a web page: {title}")
        };
    }
    cut(text)
}

/// The text without keys, cut to a bearable length.
fn cut(text: &str) -> String {
    let mut text = without_keys(text);
    if text.len() > MAX_MESSAGE {
        text.truncate(text.floor_char_boundary(MAX_MESSAGE - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// Beginnings of keys and tokens as providers make them.
const KEYS: [&str; 10] = [
    "sk-", "sk_", "ksk_", "byk_", "gho_", "ghu_", "ghp_", "AIza", "ya29.", "eyJ",
];

/// Replaces what looks like a key by its first letters: some providers repeat the key they refuse.
fn without_keys(text: &str) -> String {
    let in_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_key) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|c| !in_key(c)).unwrap_or(word.len());
        let (word, behind) = word.split_at(end);
        out.push_str(before);
        match KEYS
            .iter()
            .find(|key| word.starts_with(**key) && word.len() >= 16)
        {
            Some(key) => {
                out.push_str(key);
                out.push('…');
            }
            None => out.push_str(word),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The words by which a provider names a fault.
struct Words<'v> {
    code: &'v str,
    their_type: &'v str,
    /// In lower case.
    message: &'v str,
    /// Google's details.
    details: Details<'v>,
}

impl Words<'_> {
    fn kind(&self, upstream: Dialect, status: u16) -> FaultKind {
        self.kind_of_words(upstream, status)
            .unwrap_or_else(|| kind_of_status(status))
    }

    fn is(&self, word: &str) -> bool {
        self.code == word || self.their_type == word
    }

    fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    /// What the words say where the status alone would mislead.
    fn kind_of_words(&self, upstream: Dialect, status: u16) -> Option<FaultKind> {
        use FaultKind as K;
        let client_fault = (400..500).contains(&status) && status != 429 || status < 400;
        if client_fault && self.too_long() {
            return Some(K::ContextTooLong);
        }
        if self.is("insufficient_quota")
            || self.is("billing_error")
            || self.is("billing_not_active")
            || self.says("credit balance is too low")
        {
            return Some(K::Billing);
        }
        if let Some(kind) = self.details.kind(status, self.message) {
            return Some(kind);
        }
        if self.is("usage_limit_reached")
            || self.is("subscription_sharing_usage_limit_exceeded")
            || self.is("quota_exceeded")
        {
            return Some(K::Quota);
        }
        if self.is("usage_not_included") {
            return Some(K::Permission);
        }
        if self.is("server_is_overloaded") || self.is("slow_down") || self.is("overloaded_error") {
            return Some(K::Overloaded);
        }
        if self.is("model_not_found") {
            return Some(K::UnknownModel);
        }
        if upstream == Dialect::Kiro
            && let Some(kind) = self.kind_at_kiro(status)
        {
            return Some(kind);
        }
        (status < 400).then(|| self.kind_of_type())
    }

    /// What Amazon's reasons say where the status alone would mislead.
    fn kind_at_kiro(&self, status: u16) -> Option<FaultKind> {
        use FaultKind as K;
        const REASONS: [(&str, FaultKind); 13] = [
            ("MONTHLY_REQUEST_COUNT", K::Quota),
            ("DAILY_REQUEST_COUNT", K::Quota),
            ("OVERAGE_REQUEST_LIMIT_EXCEEDED", K::Quota),
            ("CONVERSATION_LIMIT_EXCEEDED", K::Quota),
            ("ServiceQuotaExceededException", K::Quota),
            ("INSUFFICIENT_MODEL_CAPACITY", K::Overloaded),
            ("MODEL_TEMPORARILY_UNAVAILABLE", K::Overloaded),
            ("INVALID_MODEL_ID", K::UnknownModel),
            ("TEMPORARILY_SUSPENDED", K::Permission),
            ("FEATURE_NOT_SUPPORTED", K::Permission),
            ("ExpiredTokenException", K::AccountAuth),
            ("InvalidTokenException", K::AccountAuth),
            ("UnrecognizedClientException", K::AccountAuth),
        ];
        let named = REASONS.iter().find(|(word, _)| self.is(word));
        if let Some((_, kind)) = named {
            return Some(*kind);
        }
        if self.says("unexpectedly high load") {
            return Some(K::Overloaded);
        }
        let refused = status == 403 || self.is("AccessDeniedException");
        if refused && self.says("token") && (self.says("invalid") || self.says("expired")) {
            return Some(K::AccountAuth);
        }
        None
    }

    fn too_long(&self) -> bool {
        self.is("context_length_exceeded")
            || self.is("CONTENT_LENGTH_EXCEEDS_THRESHOLD")
            || self.is("PROMPT_TOO_LONG")
            || self.says("input is too long")
            || self.says("prompt is too long")
            || self.says("maximum context length")
            || self.says("exceeds the context window")
            || (self.says("token count") && self.says("exceeds"))
    }

    /// A status-less fault inside a stream, by its type alone.
    fn kind_of_type(&self) -> FaultKind {
        use FaultKind as K;
        const TYPES: [(&str, FaultKind); 26] = [
            ("invalid_request_error", K::BadRequest),
            ("invalid_prompt", K::BadRequest),
            ("cyber_policy", K::BadRequest),
            ("bio_policy", K::BadRequest),
            ("data_residency_mismatch", K::BadRequest),
            ("image_too_large", K::BadRequest),
            ("vector_store_timeout", K::Timeout),
            ("INVALID_ARGUMENT", K::BadRequest),
            ("FAILED_PRECONDITION", K::BadRequest),
            ("authentication_error", K::AccountAuth),
            ("UNAUTHENTICATED", K::AccountAuth),
            ("permission_error", K::Permission),
            ("PERMISSION_DENIED", K::Permission),
            ("not_found_error", K::UnknownModel),
            ("NOT_FOUND", K::UnknownModel),
            ("request_too_large", K::TooLarge),
            ("rate_limit_error", K::RateLimit),
            ("rate_limit_exceeded", K::RateLimit),
            ("RESOURCE_EXHAUSTED", K::RateLimit),
            ("UNAVAILABLE", K::Overloaded),
            ("ValidationException", K::BadRequest),
            ("AccessDeniedException", K::Permission),
            ("ThrottlingException", K::RateLimit),
            ("ServiceUnavailableException", K::Overloaded),
            ("timeout_error", K::Timeout),
            ("DEADLINE_EXCEEDED", K::Timeout),
        ];
        // The code is the more precise of the two.
        let named = |word: &str| {
            TYPES
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, kind)| *kind)
        };
        // Responses has a code for every way in which a picture can be bad.
        let picture = self.code.starts_with("invalid_image");
        named(self.code)
            .or_else(|| named(self.their_type))
            .or_else(|| picture.then_some(K::BadRequest))
            .unwrap_or(K::Upstream)
    }
}

fn kind_of_status(status: u16) -> FaultKind {
    use FaultKind as K;
    match status {
        401 => K::AccountAuth,
        402 => K::Billing,
        403 => K::Permission,
        404 => K::UnknownModel,
        408 | 504 | 524 => K::Timeout,
        413 => K::TooLarge,
        429 => K::RateLimit,
        503 | 529 => K::Overloaded,
        400..=499 => K::BadRequest,
        _ => K::Upstream,
    }
}

#[cfg(test)]
mod tests;

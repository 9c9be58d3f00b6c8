//! What may help a request that a provider refused, when it is sent once more.
//!
//! Some refusals say themselves what is in the way: a reasoning proof of another provider, a setting
//! that a new model no longer takes. A second try without it serves the caller better than the
//! error, and the ledger says what it cost. Nothing that carries the conversation is ever left out.

use crate::{Action, Dialect, Ledger, Reason, edit};

/// A change that may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// No reasoning proofs.
    NoProofs,
    /// Not this member of the body; parts of the path are separated by dots.
    Without(String),
    /// This top-level member under another name.
    Renamed(String, String),
}

/// Members without which a request would be another one.
const ESSENTIAL: [&str; 14] = [
    "model",
    "messages",
    "input",
    "contents",
    "system",
    "systemInstruction",
    "instructions",
    "tools",
    "stream",
    "tool_choice",
    "toolConfig",
    "response_format",
    "text",
    "prompt",
];

impl Remedy {
    /// What a refusal suggests: its code, the member it names, its message.
    pub(crate) fn of(code: &str, param: Option<&str>, message: &str) -> Option<Self> {
        let lower = message.to_ascii_lowercase();
        if is_about_proofs(code, &lower) {
            return Some(Self::NoProofs);
        }
        let by_code = matches!(
            code,
            "unsupported_parameter" | "unknown_parameter" | "unsupported_value"
        );
        let named = param
            .filter(|_| by_code)
            .or_else(|| named_in(message, &lower))?;
        let name = named.trim_matches(['`', '\'', '"']);
        if name == "max_tokens" {
            let other = "max_completion_tokens";
            return lower
                .contains(other)
                .then(|| Self::Renamed(name.to_owned(), other.to_owned()));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let first = name.split('.').next().unwrap_or_default();
        let fits = !first.is_empty() && name.len() <= 64 && name.chars().all(plain);
        (fits && !ESSENTIAL.contains(&first)).then(|| Self::Without(name.to_owned()))
    }

    /// The body with the change, as the provider will get it; `None` when it changes nothing. Proofs
    /// are another matter: see [`strip_proofs`](crate::strip_proofs).
    pub fn apply(&self, dialect: Dialect, body: &[u8], ledger: &mut Ledger) -> Option<Vec<u8>> {
        match self {
            Self::NoProofs => None,
            Self::Renamed(from, to) => {
                let value = std::str::from_utf8(&body[edit::find(body, from)?]).ok()?;
                edit::remove(&edit::set(body, &[to], value), &[from])
            }
            Self::Without(path) => {
                let parts: Vec<_> = path.split('.').collect();
                let camel: Vec<_> = parts.iter().map(|part| camel_case(part)).collect();
                let camel: Vec<_> = camel.iter().map(String::as_str).collect();
                let inner = [&["generationConfig"], &camel[..]].concat();
                // Google names members by their other spelling, and mostly without their parent.
                let ways: &[&[&str]] = match dialect {
                    Dialect::Gemini => &[&parts, &camel, &inner],
                    _ => &[&parts],
                };
                let out = ways.iter().find_map(|way| edit::remove(body, way))?;
                ledger.note(path.clone(), Action::Dropped, Reason::ModelCapability);
                Some(out)
            }
        }
    }
}

fn is_about_proofs(code: &str, message: &str) -> bool {
    let says = |words: &str| message.contains(words);
    code == "invalid_encrypted_content"
        || says("signature") && (says("thinking") || says("thought"))
        || says("redacted_thinking")
        || says("encrypted content") && (says("verif") || says("decrypt"))
}

/// The member that a message names as one the model does not take.
fn named_in<'m>(message: &'m str, lower: &str) -> Option<&'m str> {
    const BEFORE: [&str; 5] = [
        "unsupported parameter: ",
        "unrecognized request argument supplied: ",
        "unknown parameter: ",
        "unknown name ",
        "unexpected keyword argument ",
    ];
    const BEHIND: [&str; 4] = [
        ": extra inputs are not permitted",
        " is not supported by this model",
        " is not supported with this model",
        " is deprecated for this model",
    ];
    let before = BEFORE.iter().find_map(|words| {
        let start = lower.find(words)? + words.len();
        message.get(start..)?.split([' ', ',', ';']).next()
    });
    let behind = || {
        BEHIND.iter().find_map(|words| {
            let end = lower.find(words)?;
            message.get(..end)?.rsplit([' ', ',', ';']).next()
        })
    };
    let name = before.or_else(behind)?;
    Some(name.trim_end_matches(['.', ':']))
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(name: &str) -> Option<Remedy> {
        Some(Remedy::Without(name.to_owned()))
    }

    #[test]
    fn refusals_say_what_is_in_the_way() {
        for (code, param, message, expected) in [
            (
                "invalid_request_error",
                None,
                "messages.1.content.0: Invalid `signature` in `thinking` block",
                Some(Remedy::NoProofs),
            ),
            (
                "invalid_encrypted_content",
                None,
                "The encrypted content could not be verified.",
                Some(Remedy::NoProofs),
            ),
            (
                "INVALID_ARGUMENT",
                None,
                "Thought signature is not valid.",
                Some(Remedy::NoProofs),
            ),
            (
                "INVALID_ARGUMENT",
                None,
                "Function call is missing a thought_signature in functionCall parts.",
                Some(Remedy::NoProofs),
            ),
            (
                "unsupported_parameter",
                Some("top_p"),
                "Unsupported parameter: 'top_p' is not supported with this model.",
                without("top_p"),
            ),
            (
                "unsupported_value",
                Some("temperature"),
                "Only the default (1) value is supported.",
                without("temperature"),
            ),
            (
                "unsupported_parameter",
                Some("max_tokens"),
                "Use 'max_completion_tokens' instead.",
                Some(Remedy::Renamed(
                    "max_tokens".into(),
                    "max_completion_tokens".into(),
                )),
            ),
            (
                "invalid_request_error",
                None,
                "Unrecognized request argument supplied: seed",
                without("seed"),
            ),
            (
                "invalid_request_error",
                None,
                "top_k: Extra inputs are not permitted",
                without("top_k"),
            ),
            (
                "invalid_request_error",
                None,
                "`temperature` is deprecated for this model.",
                without("temperature"),
            ),
            (
                "INVALID_ARGUMENT",
                None,
                "Invalid JSON payload received. Unknown name \"seed\" at 'generation_config': Cannot find field.",
                without("seed"),
            ),
            (
                "unsupported_parameter",
                Some("reasoning.effort"),
                "no",
                without("reasoning.effort"),
            ),
            ("unsupported_parameter", Some("messages"), "no", None),
            ("unsupported_parameter", Some("tools[0].strict"), "no", None),
            (
                "invalid_request_error",
                Some("temperature"),
                "must be a number",
                None,
            ),
            ("", None, "messages: at least one message is required", None),
        ] {
            assert_eq!(Remedy::of(code, param, message), expected, "{message}");
        }
    }

    #[test]
    fn one_member_goes_and_is_named() {
        let apply = |remedy: &Remedy, dialect, body: &str| {
            let mut ledger = Ledger::default();
            let out = remedy.apply(dialect, body.as_bytes(), &mut ledger);
            let out = out.map(|out| String::from_utf8(out).unwrap());
            (out, ledger.entries().len())
        };
        let seed = Remedy::Without("seed".into());
        assert_eq!(
            apply(&seed, Dialect::Chat, r#"{"seed":1,"n":1e0}"#),
            (Some(r#"{"n":1e0}"#.into()), 1)
        );
        assert_eq!(apply(&seed, Dialect::Chat, "{}"), (None, 0));
        assert_eq!(
            apply(
                &seed,
                Dialect::Gemini,
                r#"{"generationConfig":{"seed":1,"topK":2}}"#
            )
            .0
            .unwrap(),
            r#"{"generationConfig":{"topK":2}}"#
        );
        let top_k = Remedy::Without("generation_config.top_k".into());
        assert_eq!(
            apply(
                &top_k,
                Dialect::Gemini,
                r#"{"generationConfig":{"topK":2}}"#
            )
            .0
            .unwrap(),
            r#"{"generationConfig":{}}"#
        );
        let renamed = Remedy::Renamed("max_tokens".into(), "max_completion_tokens".into());
        assert_eq!(
            apply(&renamed, Dialect::Chat, r#"{"max_tokens":7,"x":0}"#),
            (Some(r#"{"x":0,"max_completion_tokens":7}"#.into()), 0)
        );
    }
}

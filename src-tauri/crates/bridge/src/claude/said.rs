//! What Claude Code writes, line by line. Only what byokey acts on is read; the rest of a line, and
//! lines of other kinds, may change with every release.

use serde::Deserialize;
use serde_json::Value;

/// A line.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    /// An event of the provider's stream, as it came.
    StreamEvent {
        /// The event.
        event: Value,
        /// The call whose helper it belongs to; none for the conversation's own.
        #[serde(default)]
        parent_tool_use_id: Option<String>,
    },
    /// A message as a whole: errors of the provider come as one.
    Assistant(Box<Whole>),
    /// A turn's end.
    Result(Box<End>),
    /// A question of the program's.
    ControlRequest {
        /// To be named in the answer.
        request_id: String,
        /// The question.
        request: Value,
    },
    /// The answer to a question of byokey's.
    ControlResponse {
        /// The answer.
        response: Answer,
    },
    /// How far the plan's limits are used up.
    RateLimitEvent {
        /// The limits.
        rate_limit_info: Limits,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

/// A message as a whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Whole {
    /// The message.
    pub(super) message: Value,
    /// Whether it is an error in the clothes of a message.
    pub(super) is_api_error_message: bool,
    /// The provider's status.
    pub(super) api_error_status: Option<u16>,
    /// The program's own word for it.
    pub(super) error: Option<String>,
}

/// A turn's end.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct End {
    /// Whether it failed.
    pub(super) is_error: bool,
    /// What went wrong, or the last words.
    pub(super) result: Option<String>,
    /// What went wrong, where the program itself gave up.
    pub(super) errors: Vec<String>,
    /// The provider's status.
    pub(super) api_error_status: Option<u16>,
}

/// The answer to a question of byokey's.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// Which question.
    pub(super) request_id: String,
    /// Why not, if not.
    #[serde(default)]
    pub(super) error: Option<String>,
}

/// How far the plan's limits are used up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Limits {
    /// `allowed`, `allowed_warning` or `rejected`.
    pub(super) status: String,
    /// When the limit begins anew, in seconds since 1970.
    pub(super) resets_at: Option<f64>,
}

impl Whole {
    /// The texts of the message.
    pub(super) fn text(&self) -> String {
        let blocks = self.message["content"].as_array().map(Vec::as_slice);
        let texts = blocks.unwrap_or_default().iter();
        texts.filter_map(|block| block["text"].as_str()).collect()
    }
}

impl End {
    /// What went wrong, in the program's words.
    pub(super) fn words(&self) -> String {
        let own = self.errors.join("; ");
        if own.is_empty() {
            self.result.clone().unwrap_or_default()
        } else {
            own
        }
    }
}

/// Reads a line; `None` for one that is no message of the program's, such as a warning of its
/// runtime.
pub(super) fn read(line: &[u8]) -> Option<Said> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lines_are_no_messages() {
        for line in [
            "",
            "warning: something",
            "[1]",
            "{}",
            "{\"type\":7}",
            "{\"type\":\"stream_event\"}",
        ] {
            assert!(read(line.as_bytes()).is_none(), "{line}");
        }
        for line in [
            "{\"type\":\"system\",\"subtype\":\"init\"}",
            "{\"type\":\"of_next_year\",\"event\":1}",
        ] {
            assert!(matches!(read(line.as_bytes()), Some(Said::Other)), "{line}");
        }
    }

    #[test]
    fn an_error_is_read_from_a_message() {
        let line = br#"{"type":"assistant","message":{"content":[{"type":"text","text":"API Error: 400 no"}]},
            "is_api_error_message":true,"api_error_status":400,"error":"unknown","more":[]}"#;
        let Some(Said::Assistant(whole)) = read(line) else {
            panic!("no message");
        };
        assert!(whole.is_api_error_message);
        assert_eq!(
            (whole.api_error_status, whole.text().as_str()),
            (Some(400), "API Error: 400 no")
        );
    }
}

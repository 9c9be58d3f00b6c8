use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A call that proves a key without cost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// HTTP method.
    #[serde(default)]
    pub method: Method,
    /// Base of the call where it is not the provider's own.
    pub base_url: Option<String>,
    /// Path and query, put behind the base.
    pub path: String,
    /// Answers that mean something else than their status says.
    #[serde(default)]
    pub answers: Vec<AnswerRule>,
    /// Routes whose credential this call takes; empty means all.
    #[serde(default)]
    pub routes: Vec<String>,
}

/// HTTP method of a call that the catalogue describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST with an empty JSON object.
    Post,
}

/// One answer of a check that departs from the common reading.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRule {
    /// HTTP status of the answer.
    pub status: u16,
    /// A code that must stand as a whole string somewhere in the JSON body.
    pub code: Option<String>,
    /// What it means.
    pub means: Answer,
}

/// What a provider's answer to a [`Check`] says about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The key works.
    Accepted,
    /// The key is genuine, but may not do this call.
    Limited,
    /// The key is genuine, but used up or too fast for now.
    Exhausted,
    /// The provider does not know the key.
    BadKey,
    /// The answer says nothing about the key.
    Unclear,
}

impl Check {
    /// Address of the call. `base` is the configured base if there is one, else the provider's own;
    /// a check with a base of its own keeps it unless the configuration names another.
    pub fn url(&self, configured: Option<&str>, own: &str) -> String {
        let base = configured.or(self.base_url.as_deref()).unwrap_or(own);
        format!("{}{}", base.trim_end_matches('/'), self.path)
    }

    /// Reads the provider's answer: the row's own rules first, then 2xx accepted, 401 bad key, 403
    /// limited, 402 and 429 exhausted.
    pub fn read(&self, status: u16, body: &[u8]) -> Answer {
        let rule = self.answers.iter().find(|rule| {
            rule.status == status
                && rule.code.as_deref().is_none_or(|code| {
                    serde_json::from_slice(body).is_ok_and(|body: Value| holds(&body, code))
                })
        });
        match (rule, status) {
            (Some(rule), _) => rule.means,
            (None, 200..=299) => Answer::Accepted,
            (None, 401) => Answer::BadKey,
            (None, 403) => Answer::Limited,
            (None, 402 | 429) => Answer::Exhausted,
            (None, _) => Answer::Unclear,
        }
    }
}

/// Whether `code` is one of the strings in a JSON value. The reader has bounded the depth.
fn holds(value: &Value, code: &str) -> bool {
    match value {
        Value::String(text) => text == code,
        Value::Array(items) => items.iter().any(|item| holds(item, code)),
        Value::Object(members) => members.values().any(|member| holds(member, code)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answers: Vec<AnswerRule>) -> Check {
        Check {
            method: Method::Get,
            base_url: None,
            path: "/models".into(),
            answers,
            routes: Vec::new(),
        }
    }

    #[test]
    fn reads_the_common_answers() {
        let check = check(Vec::new());
        for (status, answer) in [
            (200, Answer::Accepted),
            (401, Answer::BadKey),
            (403, Answer::Limited),
            (402, Answer::Exhausted),
            (429, Answer::Exhausted),
            (400, Answer::Unclear),
            (302, Answer::Unclear),
            (500, Answer::Unclear),
        ] {
            assert_eq!(check.read(status, b"<html>"), answer, "{status}");
        }
    }

    #[test]
    fn a_code_in_the_body_goes_before_the_status() {
        let rule = AnswerRule {
            status: 400,
            code: Some("API_KEY_INVALID".into()),
            means: Answer::BadKey,
        };
        let check = check(vec![rule]);
        let body = br#"{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}"#;
        assert_eq!(check.read(400, body), Answer::BadKey);
        assert_eq!(
            check.read(400, br#"{"error":{"message":"not API_KEY_INVALID here"}}"#),
            Answer::Unclear
        );
        assert_eq!(check.read(200, body), Answer::Accepted);
    }

    #[test]
    fn the_configured_base_goes_first() {
        let mut check = check(Vec::new());
        assert_eq!(
            check.url(None, "https://a.example/v1/"),
            "https://a.example/v1/models"
        );
        check.base_url = Some("https://b.example".into());
        assert_eq!(
            check.url(None, "https://a.example/v1"),
            "https://b.example/models"
        );
        assert_eq!(
            check.url(Some("http://127.0.0.1:9"), "https://a.example"),
            "http://127.0.0.1:9/models"
        );
    }
}

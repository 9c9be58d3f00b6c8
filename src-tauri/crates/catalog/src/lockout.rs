use serde::Deserialize;

/// An answer by which a provider locks an account out: asking again makes it worse, so byokey stops
/// until a person has settled it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockout {
    /// HTTP status; absent means any refusal.
    pub status: Option<u16>,
    /// What stands somewhere in the answer, in lower case.
    pub says: String,
    /// Routes whose credential it concerns; empty means all.
    #[serde(default)]
    pub routes: Vec<String>,
}

impl Lockout {
    /// Whether this answer to a request with a credential of `route` is meant.
    pub fn is(&self, route: &str, status: u16, body: &[u8]) -> bool {
        let concerns = self.routes.is_empty() || self.routes.iter().any(|id| id == route);
        let refused = self.status.map_or(400..500, |own| own..own + 1);
        concerns && refused.contains(&status) && {
            let body = String::from_utf8_lossy(body).to_ascii_lowercase();
            body.contains(&self.says)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalog;

    #[test]
    fn the_rows_know_their_providers_words() {
        let catalog = Catalog::bundled().unwrap();
        let locks_out = |provider: &str, route: &str, status, body: &str| {
            let provider = catalog.provider(provider).unwrap();
            let mut lockouts = provider.lockouts.iter();
            lockouts.any(|it| it.is(route, status, body.as_bytes()))
        };
        for (provider, route, status, body) in [
            (
                "kiro",
                "builder-id-device",
                403,
                r#"{"reason":"TEMPORARILY_SUSPENDED"}"#,
            ),
            (
                "kiro",
                "api-key",
                403,
                "Your User ID (1) temporarily is suspended",
            ),
            (
                "copilot",
                "github-device",
                403,
                r#"{"error_details":{"notification_id":"access_revoked"}}"#,
            ),
            (
                "antigravity",
                "google-oauth",
                403,
                "Verify your account to continue.",
            ),
            (
                "kimi",
                "kimi-device",
                403,
                r#"{"error":{"type":"access_terminated_error"}}"#,
            ),
            (
                "claude",
                "oauth-pkce",
                400,
                "This credential is only authorized for use with Claude Code",
            ),
        ] {
            assert!(locks_out(provider, route, status, body), "{provider}");
            assert!(!locks_out(provider, route, status, "something else"));
            assert!(!locks_out(provider, route, 200, body));
        }
        let words = "only authorized for use with Claude Code";
        assert!(!locks_out("claude", "api-key", 400, words));
    }
}

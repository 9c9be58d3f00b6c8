//! byokey's configuration that leads every sign-in to the simulated issuers.

use super::{Issuer, github, google, iflow, oidc};

/// Providers of the catalogue, the origins they are called at, and what the configuration brings
/// beside: clients that byokey does not ship.
const PROVIDERS: &[(&str, &[&str], &str)] = &[
    ("claude", &["claude", "anthropic"], ""),
    ("openai", &["openai", "chatgpt"], ""),
    ("copilot", &["github"], "copilot"),
    ("gemini", &["google"], "google"),
    ("antigravity", &["google"], "google"),
    ("kiro", &["amazonaws", "kiro", "awsapps"], ""),
    ("kimi", &["kimi"], ""),
    ("qwen", &["qwen"], ""),
    ("iflow", &["iflow"], "iflow"),
    ("openrouter", &["openrouter"], ""),
];

impl Issuer {
    /// The configuration of one provider, to stand below `providers:`. `own` is an OpenID provider
    /// of the user's own.
    ///
    /// # Panics
    /// For a provider whose sign-in is not simulated.
    #[must_use]
    pub fn provider_yaml(&self, id: &str) -> String {
        if id == "own" {
            let origin = self.url(super::OIDC);
            return format!(
                "  own:\n    dialect: chat\n    base_url: {origin}/v1\n    models: [sim-large]\n    \
                 oauth: {{ issuer: '{origin}', client_id: {}, scopes: [openid, email, \
                 offline_access] }}\n",
                oidc::CLIENT
            );
        }
        let row = PROVIDERS.iter().find(|(known, ..)| *known == id);
        assert!(row.is_some(), "no sign-in of {id} is simulated");
        let (_, words, client) = row.copied().unwrap_or_default();
        let mut yaml = format!("  {id}:\n");
        match client {
            "copilot" => {
                yaml += &format!("    oauth: {{ client_id: {} }}\n", github::CLIENT);
            }
            "google" => {
                yaml += &format!("    oauth: {{ client_secret: {} }}\n", google::SECRET);
            }
            "iflow" => {
                yaml += &format!("    oauth: {{ client_secret: {} }}\n", iflow::SECRET);
            }
            _ => {}
        }
        yaml += "    origins:\n";
        for (real, local) in self.origins() {
            if words.iter().any(|word| real.contains(word)) {
                yaml += &format!("      '{real}': '{local}'\n");
            }
        }
        yaml
    }

    /// A whole configuration in which every sign-in is simulated, the ended ones allowed.
    #[must_use]
    pub fn config(&self) -> String {
        let mut yaml = "providers:\n".to_owned();
        for (id, ..) in PROVIDERS {
            yaml += &self.provider_yaml(id);
            if matches!(*id, "gemini" | "qwen" | "iflow") {
                yaml += "    allow_retired: true\n";
            }
        }
        yaml + &self.provider_yaml("own")
    }
}

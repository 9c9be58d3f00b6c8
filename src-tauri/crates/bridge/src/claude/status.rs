//! Who is signed in to Claude Code, as `claude auth status` tells.

use std::time::Duration;

use serde::Deserialize;

use crate::{BridgeTrouble, LoginState, bridges::Desk, process::Told, words};

/// How long it may take; it asks nobody.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks.
///
/// # Errors
/// When the program does not run.
pub(crate) async fn login_state(desk: &Desk<'_>) -> Result<LoginState, BridgeTrouble> {
    let told = desk.launch().ask(&desk.bridge.status, PATIENCE).await?;
    Ok(read(&told))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    logged_in: bool,
    email: Option<String>,
    org_name: Option<String>,
    subscription_type: Option<String>,
    auth_method: Option<String>,
}

fn read(told: &Told) -> LoginState {
    let Ok(status) = serde_json::from_str::<Status>(&told.output) else {
        let words = format!("{} {}", told.output, told.words);
        return LoginState::Unknown(words::tidy(&words));
    };
    if !status.logged_in {
        return LoginState::SignedOut;
    }
    LoginState::SignedIn {
        label: status.email.or(status.org_name),
        // A key or token has no plan; its kind says as much.
        plan: status.subscription_type.or(status.auth_method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(output: &str) -> LoginState {
        read(&Told {
            status: std::process::ExitStatus::default(),
            output: output.to_owned(),
            words: String::new(),
        })
    }

    #[test]
    fn real_answers_are_read() {
        let plan = r#"{"loggedIn":true,"authMethod":"claude.ai","apiProvider":"firstParty","email":"me@example.org",
            "orgId":"1","orgName":"Me Org","subscriptionType":"max","planTier":"max_5x"}"#;
        let signed_in = |label: Option<&str>, plan: &str| LoginState::SignedIn {
            label: label.map(str::to_owned),
            plan: Some(plan.to_owned()),
        };
        assert_eq!(state(plan), signed_in(Some("me@example.org"), "max"));
        let token = r#"{"loggedIn":true,"authMethod":"oauth_token","loginExpiresAt":null}"#;
        assert_eq!(state(token), signed_in(None, "oauth_token"));
        assert_eq!(
            state(r#"{"loggedIn":false,"authMethod":"none"}"#),
            LoginState::SignedOut
        );
        assert_eq!(
            state("Hello\n there"),
            LoginState::Unknown("Hello there".to_owned())
        );
    }
}

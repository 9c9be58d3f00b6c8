use byokey_vault::TokenSet;
use serde::Deserialize;

use crate::stage::{StageCall, StageTrouble, plain};

/// A plan that the account does not get.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ineligible {
    reason_code: String,
    reason_message: Option<String>,
    validation_url: Option<String>,
    validation_error_message: Option<String>,
}

impl Ineligible {
    /// Whether a project of the organisation opens another plan to the account.
    pub(super) fn wants_project(&self) -> bool {
        self.reason_code == "DASHER_USER"
    }
}

/// Why the account gets no plan, in plain words and in Google's. A reason that the person can do
/// something about goes first.
pub(super) fn explain(call: &StageCall<'_>, tiers: &[Ineligible], set: &TokenSet) -> StageTrouble {
    let curable = tiers.iter().find(|tier| tier.validation_url.is_some());
    let Some(tier) = curable.or_else(|| tiers.first()) else {
        let words = format!("{} offers this account no plan", call.provider.name);
        return StageTrouble::Blocked { words };
    };
    let mut words = meaning(&tier.reason_code).to_owned();
    let said = tier.validation_error_message.as_ref();
    if let Some(said) = said.or(tier.reason_message.as_ref()) {
        words = format!("{words}. Google says: {}", plain(said, set));
    }
    let page = tier.validation_url.as_deref();
    if let Some(page) = page.filter(|page| page.starts_with("https://")) {
        words = format!("{words}. Open {} and sign in again", plain(page, set));
    }
    let code = plain(&tier.reason_code, set);
    StageTrouble::Blocked {
        words: format!("{words} ({code})"),
    }
}

fn meaning(code: &str) -> &'static str {
    match code {
        "DASHER_USER" => "an organisation's account gets this plan only from its administrator",
        "INELIGIBLE_ACCOUNT" => "this account gets no plan",
        "NON_USER_ACCOUNT" => "this account is not a person's",
        "RESTRICTED_AGE" => "this account is too young for the service",
        "RESTRICTED_NETWORK" => "the service does not answer in this network",
        "UNKNOWN_LOCATION" => "Google could not tell in which country this account is",
        "UNSUPPORTED_LOCATION" => "the service is not offered in this account's country",
        "VALIDATION_REQUIRED" => "Google wants to have this account verified first",
        "UNSUPPORTED_CLIENT" => {
            "Google no longer serves accounts of this kind to programs other than its own; use a \
             key of Google AI Studio in its place"
        }
        _ => "Google offers this account no plan",
    }
}

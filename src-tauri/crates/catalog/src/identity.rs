use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How it is found out whose a new credential is. Two credentials of one identity are one account;
/// the label is for people and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityRule {
    /// The document that says it.
    pub from: IdentitySource,
    /// JSON pointers of members that together are the identity, such as a user and an organisation.
    /// The first must be there.
    pub subject: Vec<String>,
    /// JSON pointers of what people know the account by; the first that is there counts.
    #[serde(default)]
    pub label: Vec<String>,
    /// JSON pointer of the plan.
    pub plan: Option<String>,
    /// JSON pointers of what else requests need, by the name under which it is kept with the tokens.
    /// Only in documents that come with them.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
}

/// A document about the owner of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum IdentitySource {
    /// The reply that brought the credential.
    Reply,
    /// The claims of the ID token in that reply.
    IdToken,
    /// A free call with the credential; the URL may hold the account's fields in braces.
    Get(String),
}

/// What a credential still needs before requests can be made with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Copilot's token exchange; where it is not granted, the credential itself is sent.
    Copilot,
    /// The project of a Google Code Assist or Antigravity account.
    CodeAssist,
    /// The API key that iFlow hands out to a login.
    Iflow,
    /// The profile of a Kiro account.
    Kiro,
}

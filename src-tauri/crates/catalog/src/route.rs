use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Auth, Date, Flow, IdentityRule, Import, Revoke, Stage};

/// One way to get a credential of a provider.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Name in configuration and rows, unique within the provider.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// On whose word it stands.
    pub standing: Standing,
    /// Whether it works.
    pub status: Status,
    /// Day from which the status holds, where one is known.
    pub since: Option<Date>,
    /// Day on which it ended.
    pub retired: Option<Date>,
    /// Why it is restricted or retired.
    pub reason: Option<String>,
    /// What to use instead.
    pub replacement: Option<String>,
    /// Id of the text shown with it: see [`Catalog::notice`](crate::Catalog::notice).
    pub notice: Option<String>,
    /// How the credential is sent where it is not the provider's way.
    pub auth: Option<Auth>,
    /// Constant headers of requests with this credential.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How the credential is got.
    pub flow: Flow,
    /// Whose it is.
    pub identity: Option<IdentityRule>,
    /// What it still needs before it can be used.
    pub stage: Option<Stage>,
    /// How the login is ended by a call, where the provider has one.
    pub revoke: Option<Revoke>,
    /// Page on which the person ends the login or deletes the key at the provider.
    pub sessions_page: Option<String>,
    /// Places where other programs keep such a credential; read, never renewed or written.
    #[serde(default)]
    pub imports: Vec<Import>,
    /// Tokens that other programs hold for this route but that byokey cannot use.
    #[serde(default)]
    pub unusable_tokens: Vec<UnusableToken>,
}

/// A kind of token that is recognised and left alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnusableToken {
    /// What it begins with.
    pub prefix: String,
    /// Why, as the end of a sentence about the token.
    pub because: String,
}

impl Route {
    /// Whether and how it is offered as long as configuration does not say otherwise.
    pub fn offer(&self) -> Offer {
        match self.standing {
            Standing::Official | Standing::Bridge => Offer::On,
            Standing::Unofficial => Offer::AfterNotice,
            Standing::Retired => Offer::Greyed,
        }
    }
}

/// On whose word a route stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The provider offers it to other programs.
    Official,
    /// The user's own official program makes the call and keeps its login.
    Bridge,
    /// The public client of an official program, which the provider does not offer to others.
    Unofficial,
    /// The provider has ended it.
    Retired,
}

/// Whether a route works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It works.
    Active,
    /// The provider limits it; `reason` says how.
    Restricted,
    /// It ended.
    Retired,
}

/// How a route is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offer {
    /// At once.
    On,
    /// Once its notice is accepted.
    AfterNotice,
    /// Shown, but only a configuration switch tries it.
    Greyed,
}

/// A text that a person reads before or beside a route. A change of its words raises `version`, and
/// acceptance of an older version no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Name kept with the acceptance.
    pub id: String,
    /// Number of the wording.
    pub version: u32,
    /// How it is shown.
    pub kind: NoticeKind,
    /// The words.
    pub text: String,
    /// The provider's page that it speaks of.
    pub source: Option<String>,
    /// Day on which that page was read.
    pub read: Date,
}

/// How a notice is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// Beside the account or form.
    Text,
    /// Once, in front of everything else.
    Modal,
    /// Must be accepted before the route works.
    Required,
    /// Beside the greyed route.
    Greyed,
}

//! `byokey://` links that the desktop shell hands over. Anybody can make one, so nothing happens by a
//! link alone: it brings an answer that is awaited already, or one page that waits for the person.

use byokey_signin::{Link, import_sources};
use byokey_vault::Secret;
use byokey_wire::Dialect;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use super::accounts::KeyInput;

/// A link that was followed.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowLinkParams {
    /// The whole link.
    pub link: KeyInput,
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkOutcome {
    /// A sign-in that waits got it.
    SignIn,
    /// It waits for the person on a page of byokey's own.
    Waiting,
    /// The window is to come to the front.
    Open,
    /// It is none of byokey's, nobody awaits it, or another one waits already: nothing changed.
    Dropped,
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowLinkResponse {
    /// In one word.
    pub outcome: LinkOutcome,
}

/// The link that waits for the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkResponse {
    /// At most one; a further one is dropped.
    pub waiting: Option<LinkInfo>,
}

/// What a link asks for. Nothing of it was read, stored or called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LinkInfo {
    /// To import from a source.
    Import {
        /// The source's name.
        source: String,
    },
    /// To add a provider of the user's own.
    AddProvider {
        /// Its id.
        name: String,
        /// Where it is reached.
        base_url: String,
        /// The host of that address.
        host: String,
        /// What it speaks.
        #[schema(value_type = String)]
        dialect: Dialect,
    },
}

impl Desk {
    /// Follows a `byokey://` link as far as that may go without the person.
    pub fn link(&self, link: &Secret) -> LinkOutcome {
        let wish = match Link::parse(link.expose()) {
            Ok(Link::Open) => return LinkOutcome::Open,
            Ok(Link::SignIn { provider }) => {
                let taken = self.engine.sign_ins().link(&provider, link);
                return if taken {
                    LinkOutcome::SignIn
                } else {
                    LinkOutcome::Dropped
                };
            }
            Ok(Link::Import { source }) => {
                if !import_sources(&self.engine.catalog()).contains(&*source) {
                    return LinkOutcome::Dropped;
                }
                LinkInfo::Import { source }
            }
            Ok(Link::AddProvider {
                name,
                base_url,
                dialect,
            }) => LinkInfo::AddProvider {
                host: byokey_gateway::origin(&base_url).unwrap_or_default(),
                name,
                base_url,
                dialect,
            },
            Err(_) => return LinkOutcome::Dropped,
        };
        let mut waiting = self.waiting_link.lock();
        if waiting.is_some() {
            return LinkOutcome::Dropped;
        }
        *waiting = Some(wish);
        drop(waiting);
        self.engine.announce_link();
        LinkOutcome::Waiting
    }

    /// The link that waits for the person.
    pub fn waiting_link(&self) -> LinkResponse {
        LinkResponse {
            waiting: self.waiting_link.lock().clone(),
        }
    }

    /// Puts the waiting link away, whatever the person did about it.
    pub fn put_link_away(&self) {
        if self.waiting_link.lock().take().is_some() {
            self.engine.announce_link();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::desk;

    #[tokio::test]
    async fn nothing_happens_by_a_link_alone() {
        let (_dir, desk) = desk("").await;
        let follow = |link: &str| desk.link(&Secret::new(link));
        for link in [
            "byokey://signin/claude?code=c&state=s",
            "byokey://import/nothing-of-this-name",
            "byokey://provider/add?name=x&base_url=http://169.254.169.254/&dialect=chat",
            "byokey://delete/all",
            "https://example.org",
            "",
        ] {
            assert_eq!(follow(link), LinkOutcome::Dropped, "{link}");
        }
        assert_eq!(follow("byokey://open"), LinkOutcome::Open);
        assert_eq!(desk.waiting_link().waiting, None);
        assert!(desk.accounts(None).await.unwrap().accounts.is_empty());
    }

    #[tokio::test]
    async fn one_page_waits_and_is_not_replaced() {
        let (_dir, desk) = desk("").await;
        let mut news = desk.engine().notices();
        let follow = |link: &str| desk.link(&Secret::new(link));
        assert_eq!(follow("byokey://import/claude-code"), LinkOutcome::Waiting);
        assert_eq!(follow("byokey://import/codex"), LinkOutcome::Dropped);
        assert_eq!(news.try_recv(), Ok(byokey_gateway::Notice::Link));
        let import = LinkInfo::Import {
            source: "claude-code".to_owned(),
        };
        assert_eq!(desk.waiting_link().waiting, Some(import));
        desk.put_link_away();
        let add =
            "byokey://provider/add?name=mine&base_url=https://llm.example.org/v1&dialect=chat";
        assert_eq!(follow(add), LinkOutcome::Waiting);
        let waiting = desk.waiting_link().waiting;
        assert!(matches!(waiting, Some(LinkInfo::AddProvider { host, .. })
            if host == "https://llm.example.org"));
    }
}

use std::sync::Arc;

use byokey_catalog::Standing;
use byokey_signin::{Found, FoundKind, ImportVerdict, Importer, Overrides, SigninError};
use byokey_vault::{AcceptedNotice, Account, AccountChange, AccountId, Actor, Vault};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use super::accounts::{AccountInfo, find};
use super::check::CheckOutcome;
use super::notices::NoticeInfo;
use crate::{Code, ManageError};

/// What other programs on this computer hold, and keys in the engine's environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportsResponse {
    /// What was found.
    pub found: Vec<FoundInfo>,
}

/// A login or key that can be taken, or the reason why not. Holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundInfo {
    /// Its name among what was found; the same each time as long as it lies there.
    pub id: String,
    /// Name by which a person asks for it, such as `claude-code` or `env`.
    pub source: String,
    /// The program that owns it.
    pub owner: String,
    /// Where it lies.
    pub place: String,
    /// The provider's id.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// The route's id.
    pub route: String,
    /// What it becomes: `key` (an account of its own), `follow` (an account that follows the owner's
    /// login) or `token` (an account of its own that nobody renews).
    pub kind: FoundKindInfo,
    /// What people know the account by.
    pub label: Option<String>,
    /// The plan that it is on, in the provider's words.
    pub plan: Option<String>,
    /// When its access token ends.
    pub expires: Option<Timestamp>,
    /// On whose word its route stands: `official`, `bridge`, `unofficial` or `retired`.
    #[schema(value_type = String)]
    pub standing: Standing,
    /// The text shown with its route.
    pub notice: Option<NoticeInfo>,
    /// Whether other users of the computer can read it where it lies.
    pub open_to_others: bool,
    /// Whether it can be taken.
    pub verdict: VerdictInfo,
}

/// What something that was found becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FoundKindInfo {
    /// A key account.
    Key,
    /// An account that follows its owner's login.
    Follow,
    /// An account with a token that nobody renews.
    Token,
}

/// Whether something that was found can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerdictInfo {
    /// In one word.
    pub kind: VerdictKind,
    /// The whole of it in words, as the end of a sentence.
    pub text: String,
    /// Why not, and what to do, where the word does not say it.
    pub why: Option<String>,
    /// The account that it is already.
    pub account: Option<i64>,
}

/// Whether something that was found can be taken, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// It can.
    Ready,
    /// It is an account already.
    AlreadyHere,
    /// A notice must be accepted first.
    NeedsNotice,
    /// The owner is not signed in.
    SignedOut,
    /// It has ended, and the owner has not renewed it.
    Expired,
    /// It is of no use.
    Unusable,
    /// Its service has ended.
    Retired,
}

/// What to take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportParams {
    /// Names among what was found.
    pub ids: Vec<String>,
    /// Whether the person has read the notices of these routes and accepts them.
    #[serde(default)]
    pub accept_notice: bool,
}

/// What was taken and what was not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportResponse {
    /// The accounts.
    pub taken: Vec<AccountInfo>,
    /// What was not taken.
    pub refused: Vec<RefusedImport>,
}

/// Something that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedImport {
    /// Its name among what was found.
    pub id: String,
    /// Why, and what to do.
    pub message: String,
}

impl Desk {
    /// What can be taken, of one source if it is named. Nothing is changed anywhere.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a source that is none, and [`Code::Vault`].
    pub async fn imports(&self, source: Option<&str>) -> Result<ImportsResponse, ManageError> {
        let source = source.map(ToOwned::to_owned);
        let found = self.importing(move |importer| importer.plan(source.as_deref().as_slice()));
        let found = found.await?;
        let accepted = self.with_vault(|vault| vault.notices()).await?;
        let found = found.into_iter().map(|it| self.found(it, &accepted));
        Ok(ImportsResponse {
            found: found.collect(),
        })
    }

    /// Makes accounts of what was found. A key is proved by a free call first; what cannot be taken
    /// keeps nothing else from being taken.
    ///
    /// # Errors
    /// [`Code::Vault`].
    pub async fn import(
        &self,
        params: ImportParams,
        by: Actor,
    ) -> Result<ImportResponse, ManageError> {
        let plan = self.importing(|importer| importer.plan(&[])).await?;
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for id in params.ids {
            let found = plan.iter().find(|found| found.id == id);
            let done = match found {
                Some(found) => self.take(found, params.accept_notice, by.clone()).await,
                None => Err(ManageError::new(
                    Code::NotFound,
                    "it is no longer where it was found: look again",
                )),
            };
            match done {
                Ok(account) => taken.push(account),
                Err(error) => refused.push(RefusedImport {
                    id,
                    message: error.message,
                }),
            }
        }
        self.engine.accounts_changed().await?;
        Ok(ImportResponse {
            taken: self.infos(taken.into_iter()).await?,
            refused,
        })
    }

    /// Makes the login that an account follows byokey's own, which renews it from now on. The owner
    /// will have to sign in again, so the person is asked before.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::SignIn`] for an account that follows nobody or a login that
    /// cannot be renewed, and [`Code::Vault`].
    pub async fn take_over(&self, id: i64, by: Actor) -> Result<AccountInfo, ManageError> {
        let own = self.importing(move |importer| importer.take_over(AccountId(id), by));
        let own = own.await?;
        self.engine.accounts_changed().await?;
        self.info(own).await
    }

    async fn take(
        &self,
        found: &Found,
        accept_notice: bool,
        by: Actor,
    ) -> Result<Account, ManageError> {
        if let (true, ImportVerdict::NeedsNotice { notice, version }) =
            (accept_notice, &found.verdict)
        {
            let (id, version, by) = (notice.clone(), *version, by.clone());
            self.with_vault(move |vault| vault.accept_notice(&id, version, by))
                .await?;
        }
        let outcome = match (found.kind, &found.verdict) {
            (_, ImportVerdict::AlreadyHere { .. }) => CheckOutcome::Unchecked,
            (FoundKind::Key, _) => self.prove(found).await?,
            _ => CheckOutcome::Unchecked,
        };
        let (wanted, actor) = (found.clone(), by.clone());
        let taking = self.importing(move |importer| importer.take(&wanted, None, actor));
        let account = taking.await?;
        if outcome != CheckOutcome::Limited {
            return Ok(account);
        }
        let change = AccountChange {
            limited: Some(true),
            ..AccountChange::default()
        };
        self.with_vault(move |vault| vault.update_account(account.id, change, by))
            .await
    }

    /// What the provider says of a key that was found.
    async fn prove(&self, found: &Found) -> Result<CheckOutcome, ManageError> {
        let wanted = found.clone();
        let reading = self.importing(move |importer| importer.key(&wanted));
        let (key, fields) = reading.await?;
        let catalog = self.engine.catalog();
        let provider = find(&catalog, &found.provider)?;
        let settings = self.settings(provider);
        Ok(self.ask(provider, &settings, &fields, &key).await?)
    }

    async fn importing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Importer<'_>) -> Result<T, SigninError> + Send + 'static,
    ) -> Result<T, ManageError> {
        let (machine, catalog) = (Arc::clone(&self.machine), self.engine.catalog());
        let config = self.engine.config();
        self.with_vault(move |vault: &Vault| {
            let overrides = |id: &str| {
                let settings = config.providers.get(id);
                settings.map_or_else(Overrides::default, |it| it.overrides())
            };
            work(&Importer {
                machine: &machine,
                catalog: &catalog,
                vault: Some(vault),
                overrides: &overrides,
                now: Timestamp::now(),
            })
        })
        .await
    }

    fn found(&self, found: Found, accepted: &[AcceptedNotice]) -> FoundInfo {
        let catalog = self.engine.catalog();
        let provider = catalog.provider(&found.provider);
        let route = provider.and_then(|provider| provider.route(&found.route));
        FoundInfo {
            notice: route.and_then(|route| NoticeInfo::of(&catalog, route, accepted)),
            ..found.into()
        }
    }
}

impl From<Found> for FoundInfo {
    /// Without the notice, which is for the catalogue to tell.
    fn from(found: Found) -> Self {
        Self {
            id: found.id,
            source: found.source,
            owner: found.owner.unwrap_or_else(|| "Environment".to_owned()),
            place: found.place,
            provider: found.provider,
            provider_name: found.provider_name,
            route: found.route,
            kind: match found.kind {
                FoundKind::Key => FoundKindInfo::Key,
                FoundKind::Follow => FoundKindInfo::Follow,
                FoundKind::Token => FoundKindInfo::Token,
            },
            label: found.label,
            plan: found.plan,
            expires: found.expires,
            standing: found.standing,
            notice: None,
            open_to_others: found.open_to_others,
            verdict: found.verdict.into(),
        }
    }
}

impl VerdictInfo {
    /// Whether it can be taken, at most after a notice.
    pub fn can_be_taken(&self) -> bool {
        matches!(self.kind, VerdictKind::Ready | VerdictKind::NeedsNotice)
    }
}

impl From<ImportVerdict> for VerdictInfo {
    fn from(verdict: ImportVerdict) -> Self {
        let text = verdict.to_string();
        let (kind, why, account) = match verdict {
            ImportVerdict::Ready => (VerdictKind::Ready, None, None),
            ImportVerdict::AlreadyHere { account, name } => {
                (VerdictKind::AlreadyHere, Some(name), Some(account.0))
            }
            ImportVerdict::NeedsNotice { .. } => (VerdictKind::NeedsNotice, None, None),
            ImportVerdict::SignedOut => (VerdictKind::SignedOut, None, None),
            ImportVerdict::Expired { renew } => (VerdictKind::Expired, renew, None),
            ImportVerdict::Unusable { why } => (VerdictKind::Unusable, Some(why), None),
            ImportVerdict::Retired { why, replacement } => {
                let instead = replacement.map(|it| format!("{why} Use instead: {it}."));
                (VerdictKind::Retired, Some(instead.unwrap_or(why)), None)
            }
        };
        Self {
            kind,
            text,
            why,
            account,
        }
    }
}

#[cfg(test)]
mod tests;

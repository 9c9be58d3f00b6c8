use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use byokey_bridge::find as find_program;
use byokey_catalog::{Catalog, Provider, Route, Standing};
use byokey_signin::{SignIn, SignInRequest, SigninError, route_for};
use byokey_vault::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{KeyInput, find};
use super::notices::NoticeInfo;
use super::routes::{bridge_settings, choices};
use super::step::StepInfo;
use super::{Desk, fields};
use crate::{Code, ManageError};

/// A sign-in that a person asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSignInParams {
    /// The provider's id, or another name under which it is signed in to, such as `codex`.
    pub provider: String,
    /// The route's id; the best one that the provider leaves open if absent.
    #[serde(default)]
    pub route: Option<String>,
    /// The name that the account is to have.
    #[serde(default)]
    pub name: Option<String>,
    /// Values that the route asks for, by the names of the provider's fields.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Whom to sign in with, where the route leaves a choice.
    #[serde(default)]
    pub choice: Option<String>,
    /// Whether the person's browser is on another machine, so that they paste what it ends at.
    #[serde(default)]
    pub headless: bool,
    /// Whether the person has read the route's notice and accepts it.
    #[serde(default)]
    pub accept_notice: bool,
}

/// A sign-in under way, or one that ended lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInInfo {
    /// Its id.
    pub id: String,
    /// The provider's id.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// The route's id.
    pub route: String,
    /// The route's name.
    pub route_name: String,
    /// On whose word the route stands: `official`, `bridge`, `unofficial` or `retired`.
    #[schema(value_type = String)]
    pub standing: Standing,
    /// When it began.
    pub started: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// Where it stands.
    pub step: StepInfo,
    /// Names this step; `after` takes it.
    pub mark: String,
}

/// Sign-ins, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInsResponse {
    /// The sign-ins.
    pub signins: Vec<SignInInfo>,
}

/// Text that a person pasted into a sign-in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasteParams {
    /// A code, or the address at which the browser ended.
    pub text: KeyInput,
}

/// How long a question for the next step waits for it.
const PATIENCE: Duration = Duration::from_secs(25);

impl Desk {
    /// Starts a sign-in.
    ///
    /// # Errors
    /// [`Code::UnknownProvider`], [`Code::Unknown`] for a route that is none, [`Code::KeysOnly`],
    /// [`Code::NeedsNotice`] and [`Code::Retired`] with what is to be read, [`Code::BadValue`],
    /// [`Code::Config`] and [`Code::Vault`].
    pub async fn start_sign_in(
        &self,
        params: StartSignInParams,
        by: Actor,
    ) -> Result<SignInInfo, ManageError> {
        let catalog = self.engine.catalog();
        let provider = meant(&catalog, &params.provider)?;
        let route = self.route_of(provider, &params)?;
        fields::for_sign_in(provider, route, &params.fields)?;
        let choice = choice(route, params.choice.as_deref())?;
        if params.accept_notice
            && let Some(notice) = catalog.notice(route)
        {
            self.record_acceptance(notice, by.clone()).await?;
        }
        let request = SignInRequest {
            catalog: catalog.clone(),
            overrides: self.settings(provider).overrides(),
            provider: provider.id.clone(),
            route: route.id.clone(),
            name: params.name,
            fields: params.fields,
            choice,
            headless: params.headless,
            by,
        };
        match self.engine.sign_ins().start(request).await {
            Ok(started) => Ok(info(&catalog, started)),
            Err(error) => Err(self.refusal(&catalog, route, error).await),
        }
    }

    /// The sign-ins under way and those that ended lately.
    ///
    /// # Errors
    /// [`Code::Vault`].
    pub async fn sign_ins(&self) -> Result<SignInsResponse, ManageError> {
        self.engine.take_signed_in().await?;
        let catalog = self.engine.catalog();
        let list = self.engine.sign_ins().list().into_iter();
        let signins = list.map(|it| info(&catalog, it)).collect();
        Ok(SignInsResponse { signins })
    }

    /// One sign-in. With the mark of a step, waits a while for another one.
    ///
    /// # Errors
    /// [`Code::NotFound`] and [`Code::Vault`].
    pub async fn sign_in(&self, id: &str, after: Option<&str>) -> Result<SignInInfo, ManageError> {
        let sign_ins = self.engine.sign_ins();
        let mut found = sign_ins.get(id).ok_or(SigninError::NoSignIn)?;
        let step = StepInfo::from(found.step.clone());
        if after == Some(&*mark(&step)) && !step.is_over() {
            tokio::select! {
                next = sign_ins.after(id, &found.step) => found = next?,
                () = tokio::time::sleep(PATIENCE) => {}
                // An open question must not keep a stopping engine waiting.
                () = self.engine.stopping() => {}
            }
        }
        // Whoever reads that it is done can use the account.
        self.engine.take_signed_in().await?;
        Ok(info(&self.engine.catalog(), found))
    }

    /// Hands a pasted code or address to a sign-in.
    ///
    /// # Errors
    /// [`Code::NotFound`] for one that is not there or over.
    pub async fn paste(&self, id: &str, params: PasteParams) -> Result<(), ManageError> {
        Ok(self.engine.sign_ins().paste(id, params.text.0).await?)
    }

    /// Gives up a sign-in, or takes one that is over off the list.
    ///
    /// # Errors
    /// [`Code::NotFound`] and [`Code::Vault`].
    pub async fn cancel_sign_in(&self, id: &str) -> Result<(), ManageError> {
        Ok(self.engine.sign_ins().cancel(id).await?)
    }

    fn route_of<'a>(
        &self,
        provider: &'a Provider,
        params: &StartSignInParams,
    ) -> Result<&'a Route, ManageError> {
        let config = self.engine.config();
        let bridges = bridge_settings(config.providers.get(&provider.id));
        let there = |bridge: &byokey_catalog::Bridge| find_program(bridge, &bridges).is_ok();
        let route = route_for(provider, &params.provider, params.route.as_deref(), there);
        route.map_err(|error| {
            let mut refused = ManageError::from(error);
            if params.route.is_some() {
                let ways = provider.routes.iter().map(|route| route.id.as_str());
                let ways: Vec<_> = ways.collect();
                let hint = format!("; its routes are {}", ways.join(", "));
                refused.message.push_str(&hint);
            }
            refused
        })
    }

    /// A refused start, with what the person is to read.
    async fn refusal(&self, catalog: &Catalog, route: &Route, error: SigninError) -> ManageError {
        let needs_notice = matches!(error, SigninError::NeedsNotice { .. });
        let mut refused = ManageError::from(error);
        if needs_notice {
            let accepted = self.with_vault(|vault| vault.notices()).await;
            let accepted = accepted.unwrap_or_default();
            refused.notice = NoticeInfo::of(catalog, route, &accepted).map(Box::new);
        }
        refused
    }
}

/// The provider that a person means who asks to sign in with `name`.
fn meant<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Provider, ManageError> {
    let mut providers = catalog.providers();
    match providers.find(|provider| provider.sign_in.contains_key(name)) {
        Some(provider) => Ok(provider),
        None => find(catalog, name),
    }
}

/// The row's own spelling of a choice.
fn choice(route: &Route, given: Option<&str>) -> Result<Option<String>, ManageError> {
    let Some(given) = given else {
        return Ok(None);
    };
    let known = choices(route);
    let same = known.iter().find(|it| it.eq_ignore_ascii_case(given));
    if let Some(same) = same {
        return Ok(Some(same.clone()));
    }
    let known = match known {
        [] => "this route leaves no choice".to_owned(),
        known => format!("this route knows {}", known.join(", ")),
    };
    let message = format!("there is no signing in with `{given}`; {known}");
    Err(ManageError::new(Code::BadValue, message))
}

fn info(catalog: &Catalog, sign_in: SignIn) -> SignInInfo {
    let provider = catalog.provider(&sign_in.provider);
    let route = provider.and_then(|provider| provider.route(&sign_in.route));
    let step = StepInfo::from(sign_in.step);
    SignInInfo {
        provider_name: provider.map_or_else(|| sign_in.provider.clone(), |it| it.name.clone()),
        route_name: route.map_or_else(|| sign_in.route.clone(), |it| it.name.clone()),
        // A row that left the configuration speaks for nobody.
        standing: route.map_or(Standing::Unofficial, |it| it.standing),
        id: sign_in.id,
        provider: sign_in.provider,
        route: sign_in.route,
        started: sign_in.started,
        expires: sign_in.expires,
        mark: mark(&step),
        step,
    }
}

fn mark(step: &StepInfo) -> String {
    let mut hasher = DefaultHasher::new();
    // Text and numbers always become JSON.
    serde_json::to_string(step)
        .unwrap_or_default()
        .hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests;

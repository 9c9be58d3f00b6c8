//! What a credential still needs before requests can be made with it: a token it is exchanged for, a
//! project, a profile. Run once after the flow, and again by whoever renews tokens.
//!
//! A refusal here is the provider's word about the account, so it is passed on in full; a server
//! without time says nothing about the account and changes nothing.

mod code_assist;
mod copilot;
mod iflow;
mod kiro;

use std::time::Duration;

use byokey_catalog::{Provider, Route, Stage};
use byokey_vault::{Fields, TokenSet};

use crate::call::{Answer, Call};
use crate::exchange::shown;
use crate::scene::Scene;
use crate::{Grant, Granted, Http, Identity, Overrides, SigninError, Step, Work, identity};

/// Name under which a token set keeps the base of requests that the provider named for this account,
/// before the configuration moves it.
pub const API_BASE: &str = "api_base";
/// Name of the project that requests of the account are made in.
pub const PROJECT: &str = "project";
/// Name of the profile that requests of the account are made with.
pub const PROFILE_ARN: &str = "profile_arn";

/// What a stage works with.
pub(crate) struct StageCall<'a> {
    pub(crate) http: &'a Http,
    pub(crate) overrides: &'a Overrides,
    pub(crate) provider: &'a Provider,
    pub(crate) route: &'a Route,
    /// The account's values beside its credential.
    pub(crate) fields: &'a Fields,
}

/// Why a stage did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StageTrouble {
    /// Nothing is wrong with the account; it may work later.
    #[error("{error}")]
    Passing {
        /// What happened.
        error: Box<SigninError>,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The credential is no longer taken: the person signs in again.
    #[error("{words}")]
    SignIn {
        /// The provider's words.
        words: String,
    },
    /// The provider does not let this account do what byokey is for.
    #[error("{words}")]
    Blocked {
        /// The provider's words and what to do.
        words: String,
    },
    /// Only the person can give what is missing.
    #[error("{words}")]
    Missing {
        /// What, and how.
        words: String,
    },
}

/// What a stage found out beside what it wrote into the token set.
#[derive(Default)]
struct Found {
    /// Whose the account is, for rows that have no rule of their own.
    identity: Option<Identity>,
    plan: Option<String>,
    fields: Fields,
}

/// Brings a fresh credential to the point where requests can be made with it. Whatever the row's own
/// identity rule left open is filled in.
///
/// # Errors
/// [`SigninError::NotEligible`] for an account that the provider refuses, [`SigninError::Missing`]
/// for what only the person can give, and what kept the server from answering.
pub(crate) async fn complete(scene: &Scene, grant: &mut Grant) -> Result<(), SigninError> {
    let (provider, route) = (scene.provider()?, scene.route()?);
    let (Some(stage), Granted::Tokens(set)) = (route.stage, &mut grant.credential) else {
        return Ok(());
    };
    scene.show(Step::Working(Work::Setup));
    let call = StageCall {
        http: &scene.http,
        overrides: &scene.overrides,
        provider,
        route,
        fields: &scene.fields,
    };
    let found = match stage {
        Stage::Copilot => copilot::complete(&call, set).await,
        Stage::CodeAssist => code_assist::complete(&call, set).await,
        Stage::Iflow => iflow::complete(&call, set).await,
        Stage::Kiro => kiro::complete(&call, set).await,
    };
    let mut found = found.map_err(|trouble| trouble.at_sign_in(&provider.name))?;
    grant.fields.append(&mut found.fields);
    match &mut grant.identity {
        Some(identity) if identity.plan.is_none() => identity.plan = found.plan,
        Some(_) => {}
        none => *none = found.identity,
    }
    Ok(())
}

/// Makes a grant of tokens whose owner can only be asked for with what the stage finds out first,
/// such as a region.
///
/// # Errors
/// As [`complete`].
pub(crate) async fn before_identity(scene: &Scene, set: TokenSet) -> Result<Grant, SigninError> {
    let mut grant = Grant {
        credential: Granted::Tokens(Box::new(set)),
        identity: None,
        fields: Fields::new(),
    };
    complete(scene, &mut grant).await?;
    scene.show(Step::Working(Work::Identity));
    let mut fields = scene.fields.clone();
    fields.extend(grant.fields.clone());
    let call = scene.identity_call(&fields, &[])?;
    if let Granted::Tokens(set) = &grant.credential {
        grant.identity = identity::asked(&call, &set.access).await?;
    }
    Ok(grant)
}

/// Does again what has to be done again when tokens are renewed, or when the second one is due.
///
/// # Errors
/// [`StageTrouble`]; the set is then as it was.
pub(crate) async fn again(
    stage: Stage,
    call: &StageCall<'_>,
    set: &mut TokenSet,
) -> Result<(), StageTrouble> {
    match stage {
        Stage::Copilot => copilot::exchange(call, set).await.map(drop),
        Stage::Iflow => iflow::complete(call, set).await.map(drop),
        Stage::CodeAssist if !set.extra.contains_key(PROJECT) => {
            code_assist::complete(call, set).await.map(drop)
        }
        Stage::Kiro if !set.extra.contains_key(PROFILE_ARN) => {
            kiro::complete(call, set).await.map(drop)
        }
        Stage::CodeAssist | Stage::Kiro => Ok(()),
    }
}

impl<'a> StageCall<'a> {
    /// A call to an address of the provider.
    fn to(&self, url: &str) -> Result<Call<'a>, StageTrouble> {
        let url = self.overrides.url(url).map_err(StageTrouble::passing)?;
        Call::to(self.http, self.overrides, url).map_err(StageTrouble::passing)
    }

    /// What an answer means that is not the hoped-for one, unless the stage knows better.
    fn trouble(&self, answer: &Answer, set: &TokenSet) -> StageTrouble {
        let said = said(answer, set);
        let words = if said.is_empty() {
            format!("{} answered with status {}", answer.host, answer.status)
        } else {
            format!("{} says: {said}", self.provider.name)
        };
        match answer.status {
            401 => StageTrouble::SignIn { words },
            403 => StageTrouble::Blocked { words },
            status => StageTrouble::Passing {
                error: Box::new(answer.unclear(&match said.as_str() {
                    "" => format!("status {status}"),
                    said => format!("status {status}: {said}"),
                })),
                retry_after: answer.retry_after,
            },
        }
    }
}

impl StageTrouble {
    fn passing(error: impl Into<SigninError>) -> Self {
        Self::Passing {
            error: Box::new(error.into()),
            retry_after: None,
        }
    }

    /// The same for a person who is signing in.
    fn at_sign_in(self, provider: &str) -> SigninError {
        match self {
            Self::Passing { error, .. } => *error,
            Self::Missing { words } => SigninError::Missing(words),
            Self::SignIn { words } | Self::Blocked { words } => SigninError::NotEligible {
                provider: provider.to_owned(),
                message: words,
            },
        }
    }
}

/// What an answer says in the usual places; never one of the tokens.
fn said(answer: &Answer, set: &TokenSet) -> String {
    let body = answer.body().ok();
    let body: Option<serde_json::Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    let places = ["/error/message", "/error_description", "/message", "/error"];
    let text = body.and_then(|body| {
        let found = places
            .iter()
            .find_map(|place| body.pointer(place)?.as_str());
        found.map(str::to_owned)
    });
    plain(&text.unwrap_or_default(), set)
}

/// A provider's words as they may be shown, without the credential they are about.
fn plain(words: &str, set: &TokenSet) -> String {
    shown(words, &[("token", set.access.expose())], 600)
}

#[cfg(test)]
mod tests;

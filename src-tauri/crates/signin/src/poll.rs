//! Device logins of a provider's own making: OpenAI's of the Codex CLI, whose answer is a code for the
//! ordinary exchange, and Kiro's for Google and GitHub accounts, which brings tokens without a
//! lifetime.

use byokey_catalog::{Encoding, Poll, PollProtocol};
use byokey_vault::Fields;
use jiff::SignedDuration;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroize;

use crate::call::{Answer, Call};
use crate::code::{Pages, WaitingCode};
use crate::exchange::{NewTokens, Refusal};
use crate::refusal::{busy, refused, round, tokens};
use crate::rounds::{Round, until_granted};
use crate::scene::Scene;
use crate::{Grant, Granted, SigninError, Step, Work, identity, stage};

/// How long tokens are believed to live that come without a word about it.
const UNSAID_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// Runs the flow up to a credential.
///
/// # Errors
/// Whatever ended it; nothing is stored then.
pub(crate) async fn run(scene: &Scene, row: &Poll) -> Result<Grant, SigninError> {
    let client = crate::client::id(&scene.overrides, &row.client)?;
    let flow = Flow {
        scene,
        row,
        provider: &scene.provider()?.name,
        client,
    };
    let code = match WaitingCode::kept(scene)? {
        Some(code) => code,
        None => {
            let code = flow.ask_for_code().await?;
            code.keep(scene).await?;
            code
        }
    };
    code.show(scene);
    match row.protocol {
        PollProtocol::Codex => flow.codex(&code).await,
        PollProtocol::KiroSocial => flow.kiro(&code).await,
    }
}

struct Flow<'a> {
    scene: &'a Scene,
    row: &'a Poll,
    provider: &'a str,
    client: String,
}

impl<'a> Flow<'a> {
    fn call(&self, url: Url) -> Result<Call<'a>, SigninError> {
        Call::to(&self.scene.http, &self.scene.overrides, url)
    }

    async fn ask_for_code(&self) -> Result<WaitingCode, SigninError> {
        let overrides = &self.scene.overrides;
        let url = overrides.own_or(overrides.device_url.as_deref(), &self.row.start_url)?;
        let mut members = vec![("client_id", self.client.as_str())];
        if !self.row.login_providers.is_empty() {
            members.push(("login_provider", self.chosen()?));
        }
        let call = self.call(url.clone())?;
        let answer = call.post(self.encoding(), &members).await?;
        if self.row.protocol == PollProtocol::Codex && answer.status == 404 {
            return Err(SigninError::Missing(format!(
                "{} lets nobody sign in to this account with a code: switch on device codes in \
                 ChatGPT's settings, under security, and start again, or sign in in a browser",
                self.provider
            )));
        }
        let pages = Pages {
            overrides,
            row: &self.row.start_url,
            asked: &url,
            hosts: &self.row.code_hosts,
            named: self.row.verification_url.as_deref(),
        };
        WaitingCode::read(self.provider, &answer, &members, &pages, self.row.timeout_s)
    }

    fn encoding(&self) -> Encoding {
        match self.row.protocol {
            PollProtocol::Codex => Encoding::Json,
            PollProtocol::KiroSocial => Encoding::JsonCamel,
        }
    }

    /// The identity provider that the person chose of the row's.
    fn chosen(&self) -> Result<&'a str, SigninError> {
        let all = &self.row.login_providers;
        let choice = self.scene.choice.as_deref().unwrap_or_default();
        let chosen = all.iter().find(|it| it.eq_ignore_ascii_case(choice));
        chosen.map(String::as_str).ok_or_else(|| {
            SigninError::Missing(format!("with which account? Choose {}", all.join(" or ")))
        })
    }

    /// Asks once; an answer is for `read` to understand.
    async fn ask<T>(
        &self,
        members: &[(&str, &str)],
        read: impl FnOnce(&Answer) -> Result<Round<T>, SigninError>,
    ) -> Result<Round<T>, SigninError> {
        let url = self.scene.overrides.url(&self.row.poll_url)?;
        match self.call(url)?.post(self.encoding(), members).await {
            Ok(answer) => read(&answer),
            Err(unreached) => Ok(Round::Unreached(unreached.into())),
        }
    }
}

/// OpenAI's way: the poll ends with a code and the verifier that belongs to it.
impl Flow<'_> {
    async fn codex(&self, waiting: &WaitingCode) -> Result<Grant, SigninError> {
        let members = [
            ("device_auth_id", waiting.device.as_str()),
            ("user_code", waiting.user.as_str()),
        ];
        let ask = || self.ask(&members, codex_round);
        let code = until_granted(waiting.pace(0), ask).await?;
        self.scene.show(Step::Working(Work::Exchange));
        let given = self.exchange(&code).await?;
        self.scene.show(Step::Working(Work::Identity));
        let call = self.scene.identity_call(&self.scene.fields, &[])?;
        let identity = identity::of(&call, &given).await?;
        let set = identity::set_of(call.route, given)?;
        let mut grant = Grant {
            credential: Granted::Tokens(Box::new(set)),
            identity,
            fields: Fields::new(),
        };
        stage::complete(self.scene, &mut grant).await?;
        Ok(grant)
    }

    async fn exchange(&self, code: &CodexCode) -> Result<NewTokens, SigninError> {
        let overrides = &self.scene.overrides;
        let row = self.row.token_url.as_deref().unwrap_or_default();
        let redirect = self.row.redirect_uri.as_deref().unwrap_or_default();
        let url = overrides.own_or(overrides.token_url.as_deref(), row)?;
        let members = [
            ("grant_type", "authorization_code"),
            ("client_id", self.client.as_str()),
            ("code", code.authorization_code.as_str()),
            ("redirect_uri", redirect),
            ("code_verifier", code.code_verifier.as_str()),
        ];
        let answer = self.call(url)?.post(Encoding::Form, &members).await?;
        tokens(self.provider, &answer, &members)
    }
}

/// 403 and 404 are how the server says that nobody has typed the code yet.
fn codex_round(answer: &Answer) -> Result<Round<Box<CodexCode>>, SigninError> {
    match answer.status {
        403 | 404 => Ok(Round::Pending),
        429 | 500.. => Ok(Round::Busy {
            retry_after: answer.retry_after,
            error: busy(answer),
        }),
        200 => {
            let code = serde_json::from_slice(answer.body()?);
            let code = code.map_err(|_| answer.unclear("there is no code in its answer"))?;
            Ok(Round::Granted(Box::new(code)))
        }
        status => Err(answer.unclear(&format!("status {status}"))),
    }
}

#[derive(Deserialize)]
struct CodexCode {
    authorization_code: String,
    code_verifier: String,
}

impl Drop for CodexCode {
    fn drop(&mut self) {
        self.authorization_code.zeroize();
        self.code_verifier.zeroize();
    }
}

/// Kiro's way: the poll has a status, and ends with tokens and the profile they are for.
impl Flow<'_> {
    async fn kiro(&self, waiting: &WaitingCode) -> Result<Grant, SigninError> {
        let members = [
            ("client_id", self.client.as_str()),
            ("device_code", waiting.device.as_str()),
        ];
        let ask = || {
            self.ask(&members, |answer| {
                kiro_round(self.provider, answer, &members)
            })
        };
        let mut given = *until_granted(waiting.pace(0), ask).await?;
        let profile = given.rest.remove("profileArn");
        let profile = profile.as_ref().and_then(Value::as_str);
        if given.expires.is_none() {
            given.expires = given.obtained.checked_add(UNSAID_LIFE).ok();
        }
        let mut set = given.into_set()?;
        if let Some(profile) = profile.filter(|arn| !arn.is_empty()) {
            set.extra
                .insert(stage::PROFILE_ARN.to_owned(), profile.to_owned());
        }
        stage::before_identity(self.scene, set).await
    }
}

/// The words of its status, where it has one, are those of RFC 8628.
fn kiro_round(
    provider: &str,
    answer: &Answer,
    sent: &[(&str, &str)],
) -> Result<Round<Box<NewTokens>>, SigninError> {
    let body = answer.body()?;
    let status: Option<Status> = serde_json::from_slice(body).ok();
    let status = status.and_then(|it| it.status).unwrap_or_default();
    let no = |error: &str| Refusal {
        status: answer.status,
        error: error.to_owned(),
        ..Refusal::default()
    };
    match status.to_ascii_lowercase().as_str() {
        "authorization_pending" | "pending" => Ok(Round::Pending),
        "slow_down" => Ok(Round::SlowDown(None)),
        "expired" | "expired_token" => Err(refused(provider, &answer.host, &no("expired_token"))),
        "denied" | "access_denied" => Err(refused(provider, &answer.host, &no("access_denied"))),
        _ => round(provider, answer, sent),
    }
}

#[derive(Deserialize)]
struct Status {
    status: Option<String>,
}

#[cfg(test)]
mod tests;

//! A code that a person types on another device: read from whatever form a provider gives it, shown
//! with the host it belongs to, and kept so that a restart goes on waiting for it.

use std::time::Duration;

use byokey_vault::Secret;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroize;

use crate::call::Answer;
use crate::refusal::not_given;
use crate::rounds::Pace;
use crate::scene::Scene;
use crate::{Overrides, SigninError, Step};

/// A code holds this long where neither the server nor the row says so.
pub(crate) const USUAL_LIFE_S: u32 = 600;
const LONGEST_LIFE_S: f64 = 3600.0;
const MOST_CODE: usize = 64;

/// A code that waits for a person.
#[derive(Serialize, Deserialize)]
pub(crate) struct WaitingCode {
    /// What the server knows this waiting by.
    pub(crate) device: String,
    /// What the person types.
    pub(crate) user: String,
    /// PKCE verifier, where the flow has one.
    pub(crate) verifier: Option<String>,
    /// The client that was registered for it, where one is.
    pub(crate) client: Option<KeptClient>,
    page: String,
    direct: Option<String>,
    host: String,
    interval_s: Option<f64>,
    ends: Timestamp,
}

/// A registered client as it waits with its code.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptClient {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) expires: Option<Timestamp>,
}

/// Which pages a person may be sent to.
pub(crate) struct Pages<'a> {
    /// The user's configuration.
    pub(crate) overrides: &'a Overrides,
    /// The row's address of the question for a code.
    pub(crate) row: &'a str,
    /// The address that was asked.
    pub(crate) asked: &'a Url,
    /// Further hosts of the row on which its page may stand.
    pub(crate) hosts: &'a [String],
    /// A page that the row or the person named.
    pub(crate) named: Option<&'a str>,
}

/// A page of a reply, as the reply names it and as it is opened.
struct Page {
    named: Url,
    opened: Url,
}

impl WaitingCode {
    /// Reads the answer to the question for a code; `sent` is what was asked with, and `life_s` how
    /// long a code holds where the server does not say.
    ///
    /// # Errors
    /// The server's refusal, or [`SigninError::Unclear`] for an answer that holds no code or a page
    /// that nobody should open.
    pub(crate) fn read(
        provider: &str,
        answer: &Answer,
        sent: &[(&str, &str)],
        pages: &Pages<'_>,
        life_s: u32,
    ) -> Result<Self, SigninError> {
        let given = answer.body()?;
        let given = serde_json::from_slice(given).ok();
        let given: Given = match given {
            Some(given) if (200..300).contains(&answer.status) => given,
            _ => return Err(not_given(provider, answer, sent)),
        };
        let typeable = |code: &str| {
            let plain = code
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
            plain && !code.trim().is_empty() && code.len() <= MOST_CODE
        };
        if given.device_code.is_empty() || !typeable(&given.user_code) {
            return Err(answer.unclear("its code is none that a person can type"));
        }
        let complete = given.complete.as_deref();
        let direct = complete.and_then(|page| pages.read(page));
        let page = given.uri.as_deref().or(complete).or(pages.named);
        let page = page.and_then(|page| pages.read(page));
        let page = page.ok_or_else(|| answer.unclear("its page for the code is not https"))?;
        let life = seconds(given.expires_in.as_ref(), given.expires_in_ms.as_ref());
        let life = life.unwrap_or(life_s.into()).clamp(1.0, LONGEST_LIFE_S);
        let life = SignedDuration::try_from_secs_f64(life).unwrap_or_default();
        Ok(Self {
            device: given.device_code.clone(),
            user: given.user_code.trim().to_owned(),
            verifier: None,
            client: None,
            host: page.opened.host_str().unwrap_or_default().to_owned(),
            page: page.opened.into(),
            direct: direct
                .filter(|it| pages.trust(it))
                .map(|it| it.opened.into()),
            interval_s: seconds(given.interval.as_ref(), given.interval_ms.as_ref()),
            ends: Timestamp::now()
                .saturating_add(life)
                .unwrap_or(Timestamp::MAX),
        })
    }

    /// What an earlier process left waiting, if it did.
    ///
    /// # Errors
    /// [`SigninError::TooLate`] for a code that no longer holds.
    pub(crate) fn kept(scene: &Scene) -> Result<Option<Self>, SigninError> {
        let Some(kept) = &scene.kept else {
            return Ok(None);
        };
        let code: Option<Self> = serde_json::from_str(kept.expose()).ok();
        match code {
            Some(code) if code.ends <= Timestamp::now() => Err(SigninError::TooLate),
            code => Ok(code),
        }
    }

    /// Keeps it until the sign-in is over.
    ///
    /// # Errors
    /// When the vault cannot store it.
    pub(crate) async fn keep(&self, scene: &Scene) -> Result<(), SigninError> {
        // The members are text and numbers, so writing them cannot fail.
        let content = Secret::new(serde_json::to_string(self).unwrap_or_default());
        scene.keep(&content).await
    }

    /// Shows it to the person.
    pub(crate) fn show(&self, scene: &Scene) {
        scene.show(Step::Code {
            code: self.user.clone(),
            page: self.page.clone(),
            direct: self.direct.clone(),
            host: self.host.clone(),
        });
    }

    /// How it is asked for, with so many seconds between questions on top of the server's.
    pub(crate) fn pace(&self, extra_s: u32) -> Pace {
        let left = self.ends.duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or_default();
        Pace::new(self.interval_s, extra_s, left)
    }
}

impl Drop for WaitingCode {
    fn drop(&mut self) {
        self.device.zeroize();
        self.verifier.zeroize();
    }
}

impl Drop for KeptClient {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Pages<'_> {
    /// A page that is https, or on the very server that was asked.
    fn read(&self, page: &str) -> Option<Page> {
        let named: Url = page.parse().ok()?;
        let opened: Url = self.overrides.moved(page).parse().ok()?;
        let clean = named.username().is_empty() && named.password().is_none();
        let safe = named.scheme() == "https" || opened.origin() == self.asked.origin();
        (clean && safe).then_some(Page { named, opened })
    }

    /// Whether a page that knows the code already is on a host of the row, so that it may be opened.
    fn trust(&self, page: &Page) -> bool {
        let host = page.named.host_str();
        let host_of = |url: &str| Some(url.parse::<Url>().ok()?.host_str()?.to_owned());
        let named = self.named.and_then(host_of);
        host == self.asked.host_str()
            || host == host_of(self.row).as_deref()
            || named.is_some_and(|it| Some(it.as_str()) == host)
            || self.hosts.iter().any(|it| Some(it.as_str()) == host)
    }
}

/// A number of seconds, or of milliseconds; some servers put it in quotes.
pub(crate) fn seconds(seconds: Option<&Value>, millis: Option<&Value>) -> Option<f64> {
    let number = |value: &Value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let millis = || Some(millis.and_then(number)? / 1000.0);
    seconds.and_then(number).or_else(millis)
}

/// The forms in which providers give a code: RFC 8628, AWS in camel case, Kiro's social login with
/// milliseconds, and OpenAI's with names of its own.
#[derive(Deserialize)]
struct Given {
    #[serde(alias = "deviceCode", alias = "device_auth_id")]
    device_code: String,
    #[serde(alias = "userCode", alias = "usercode")]
    user_code: String,
    #[serde(
        rename = "verification_uri",
        alias = "verification_url",
        alias = "verificationUri"
    )]
    uri: Option<String>,
    #[serde(
        rename = "verification_uri_complete",
        alias = "verificationUriComplete"
    )]
    complete: Option<String>,
    #[serde(alias = "expiresIn")]
    expires_in: Option<Value>,
    #[serde(rename = "expiresInMilliseconds")]
    expires_in_ms: Option<Value>,
    interval: Option<Value>,
    #[serde(rename = "intervalInMilliseconds")]
    interval_ms: Option<Value>,
}

impl Drop for Given {
    fn drop(&mut self) {
        self.device_code.zeroize();
    }
}

#[cfg(test)]
mod tests;

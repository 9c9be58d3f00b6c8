//! ID tokens of issuers whose keys are public (OpenID Connect Core, section 3.1.3.7). RS256 only: the
//! token must not choose how it is checked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use byokey_vault::Secret;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;

use crate::call::Call;
use crate::{Http, Overrides, SigninError};

/// Clocks differ by this much.
const LEEWAY: SignedDuration = SignedDuration::from_mins(2);

/// What a token must say.
pub(crate) struct Claimed<'a> {
    /// The names that the issuer goes by.
    pub(crate) issuers: &'a [&'a str],
    /// Who asked.
    pub(crate) client: &'a str,
    /// What this sign-in sent along.
    pub(crate) nonce: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// Public keys of an issuer.
pub(crate) struct Keys(Vec<Key>);

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl Keys {
    /// Fetches them.
    ///
    /// # Errors
    /// [`SigninError::Unreachable`], [`SigninError::Unclear`].
    pub(crate) async fn fetch(
        http: &Http,
        overrides: &Overrides,
        url: Url,
    ) -> Result<Self, SigninError> {
        let answer = Call::to(http, overrides, url)?.get().await?;
        if answer.status != 200 {
            return Err(answer.unclear(&format!("status {} for its keys", answer.status)));
        }
        Self::read(answer.body()?).ok_or_else(|| answer.unclear("its keys are not readable"))
    }

    /// Reads a JWK set; keys of other kinds are passed over.
    fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(body).ok()?;
        let keys = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        Some(Self(keys.collect()))
    }

    /// Checks a token and gives its claims.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn verify(
        &self,
        token: &Secret,
        wanted: &Claimed<'_>,
    ) -> Result<Value, &'static str> {
        let no_token = "its ID token is not readable";
        let (signed, signature) = token.expose().rsplit_once('.').ok_or(no_token)?;
        let (header, claims) = signed.split_once('.').ok_or(no_token)?;
        let json = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| no_token);
        let header: Header = serde_json::from_slice(&json(header)?).map_err(|_| no_token)?;
        if header.alg != "RS256" || header.crit.is_some() {
            return Err("its ID token is not signed with RS256");
        }
        let signature = json(signature)?;
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.is_for(header.kid.as_deref()));
        if !fitting.any(|key| key.signed(signed.as_bytes(), &signature)) {
            return Err("its ID token is not signed with its keys");
        }
        let claims: Value = serde_json::from_slice(&json(claims)?).map_err(|_| no_token)?;
        wanted.check(&claims)?;
        Ok(claims)
    }
}

impl Key {
    fn is_for(&self, kid: Option<&str>) -> bool {
        let named = kid.is_none() || self.kid.as_deref() == kid;
        self.kty == "RSA" && self.purpose.as_deref().is_none_or(|it| it == "sig") && named
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let (Some(n), Some(e)) = (part(&self.n), part(&self.e)) else {
            return false;
        };
        let key = RsaPublicKeyComponents { n, e };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }
}

impl Claimed<'_> {
    fn check(&self, claims: &Value) -> Result<(), &'static str> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if !text("iss").is_some_and(|iss| self.issuers.contains(&iss)) {
            return Err("its ID token is of another issuer");
        }
        let audience: Vec<&str> = match claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let party = text("azp");
        let foreign = party.is_some_and(|party| party != self.client)
            || (audience.len() > 1 && party.is_none());
        if foreign || !audience.contains(&self.client) {
            return Err("its ID token is for another program");
        }
        if self.nonce.is_some() && text("nonce") != self.nonce {
            return Err("its ID token is of another sign-in");
        }
        let moment = |name: &str| {
            let seconds = claims.get(name)?.as_i64()?;
            Timestamp::from_second(seconds).ok()
        };
        let ends = moment("exp").ok_or("its ID token has no end")?;
        let late = ends.saturating_add(LEEWAY).is_ok_and(|end| end <= self.now);
        let early = ["iat", "nbf"].into_iter().filter_map(moment).any(|begins| {
            begins
                .saturating_sub(LEEWAY)
                .is_ok_and(|begin| begin > self.now)
        });
        if late || early {
            return Err(
                "by this computer's clock its ID token is not valid now: is the clock right?",
            );
        }
        if text("sub").is_none_or(str::is_empty) {
            return Err("its ID token names nobody");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

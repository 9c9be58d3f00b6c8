//! What all issuers do alike: giving out codes and tokens, renewing and revoking them.

use std::{
    collections::{BTreeMap, HashSet},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    Bend, Realm, Rotation, User,
    books::{Access, Ask, Books, Code, Family, Grant},
    jwt::{Seal, Signer},
    read::Refusal,
};

/// What all houses share.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) books: Mutex<Books>,
    pub(crate) signer: Signer,
    /// Real origins to those that play them.
    pub(crate) local: BTreeMap<String, String>,
    /// Whether replies name the origins that play instead of the real ones.
    pub(crate) own_names: bool,
}

/// Unix seconds by the true clock.
pub(crate) fn true_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or_default()
    })
}

/// 32 random bytes for URLs.
#[expect(clippy::expect_used, reason = "every system has randomness")]
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("randomness");
    BASE64.encode(bytes)
}

/// The S256 challenge of a verifier.
pub(crate) fn challenge(verifier: &str) -> String {
    BASE64.encode(digest(&SHA256, verifier.as_bytes()))
}

impl Office {
    /// Unix seconds by the issuers' clock.
    pub(crate) fn now(&self) -> i64 {
        true_now() + self.books.lock().skew
    }

    /// An address of a real provider as replies name it.
    pub(crate) fn address(&self, real: &str) -> String {
        match self.own_names {
            true => self.resolve(real),
            false => real.to_owned(),
        }
    }

    /// The address that plays a real one; any other stays what it is.
    pub(crate) fn resolve(&self, url: &str) -> String {
        let rest = |origin: &str| {
            let rest = url.strip_prefix(origin)?;
            (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
        };
        let mut origins = self.local.iter();
        origins
            .find_map(|(real, local)| Some(format!("{local}{}", rest(real)?)))
            .unwrap_or_else(|| url.to_owned())
    }

    /// What a person's consent leads to: a code for the page's redirect.
    pub(crate) fn code(&self, ask: Ask, user: User) -> String {
        let mut books = self.books.lock();
        let code = books.secret(format!("code-{}", random()));
        let kept = Code {
            ask,
            user,
            family: None,
            used: false,
        };
        books.codes.insert(code.clone(), kept);
        code
    }

    /// Exchanges a code. The redirect and the verifier must be those of the authorize page.
    pub(crate) fn redeem(
        &self,
        realm: Realm,
        code: &str,
        redirect: Option<&str>,
        verifier: Option<&str>,
    ) -> Result<(Ask, Grant), Refusal> {
        let (ask, family) = {
            let mut books = self.books.lock();
            let found = books.codes.get(code).cloned();
            let found = found.ok_or_else(|| Refusal::grant("This code is unknown."))?;
            if found.ask.realm != realm {
                return Err(Refusal::grant("This code is another issuer's."));
            }
            if found.used {
                if let Some(family) = found.family {
                    books.end(family);
                }
                return Err(Refusal::grant("This code was used before."));
            }
            // A code is good for one attempt, whatever comes of it.
            if let Some(kept) = books.codes.get_mut(code) {
                kept.used = true;
            }
            if redirect.is_some_and(|redirect| redirect != found.ask.redirect) {
                return Err(Refusal::grant(
                    "redirect_uri is not that of the authorize page.",
                ));
            }
            verify(found.ask.challenge.as_deref(), verifier)?;
            books.secrets.extend(verifier.map(str::to_owned));
            let family = books.begin(Family {
                realm,
                user: found.user,
                client: found.ask.client.clone(),
                scope: found.ask.scope.clone(),
                resource: found.ask.resource.clone(),
                nonce: found.ask.nonce.clone(),
                alive: true,
                refresh: None,
                spent: HashSet::new(),
            });
            if let Some(kept) = books.codes.get_mut(code) {
                kept.family = Some(family);
            }
            (found.ask, family)
        };
        Ok((ask, self.issue(family)))
    }

    /// Tokens for a person who consented elsewhere, at a device page for example.
    pub(crate) fn grant(&self, realm: Realm, user: User, client: &str, scope: &str) -> Grant {
        let family = self.books.lock().begin(Family {
            realm,
            user,
            client: client.to_owned(),
            scope: scope.to_owned(),
            resource: None,
            nonce: None,
            alive: true,
            refresh: None,
            spent: HashSet::new(),
        });
        self.issue(family)
    }

    /// Renews by a refresh token.
    pub(crate) fn renew(
        &self,
        realm: Realm,
        client: Option<&str>,
        refresh: &str,
        resource: Option<&str>,
    ) -> Result<Grant, Refusal> {
        let family = {
            let mut books = self.books.lock();
            let at = books.family_of(realm, client, refresh)?;
            if books.families[at].resource.as_deref() != resource {
                return Err(Refusal::new(
                    400,
                    "invalid_target",
                    "resource is not that of the sign-in.",
                ));
            }
            at
        };
        Ok(self.issue(family))
    }

    /// Ends the sign-in that a token belongs to; says whether there was one.
    pub(crate) fn revoke(&self, realm: Realm, token: &str) -> bool {
        let mut books = self.books.lock();
        let by_access = books.access.get(token).map(|access| access.family);
        let by_refresh = books
            .families
            .iter()
            .position(|family| family.refresh.as_deref() == Some(token));
        let mine = |family: &usize| books.families[*family].realm == realm;
        let found = by_access.or(by_refresh).filter(mine);
        if let Some(family) = found {
            books.end(family);
        }
        found.is_some()
    }

    /// Whose access token this is, while it is good in one of these realms.
    pub(crate) fn holder(&self, realms: &[Realm], token: &str) -> Option<Family> {
        let books = self.books.lock();
        let family = books.holder(token, true_now())?;
        realms.contains(&family.realm).then_some(family)
    }

    /// New tokens for a family, with whatever is bent about them.
    fn issue(&self, at: usize) -> Grant {
        let now = self.now();
        let mut books = self.books.lock();
        let family = books.families[at].clone();
        let realm = family.realm;
        let bends = books.bent(realm).to_vec();
        let has = |bend: &Bend| bends.contains(bend);
        let user = bends.iter().find_map(|bend| match bend {
            Bend::AnotherAccount(user) => Some(user.clone()),
            _ => None,
        });
        let user = user.unwrap_or_else(|| family.user.clone());
        let lifetime = books.lifetime(realm);
        let told = bends.iter().find_map(|bend| match bend {
            Bend::ExpiresIn(seconds) => Some(*seconds),
            _ => None,
        });
        let expires_in = told.unwrap_or(lifetime);
        let scope = bends.iter().find_map(|bend| match bend {
            Bend::Scope(scope) => Some(scope.clone()),
            _ => None,
        });
        let access = match realm.has_claims() {
            true => self
                .signer
                .sign(&claims(&family, &user, now, lifetime), Seal::Good),
            false => format!("{}{}{}", realm.prefixes().0, random(), random()),
        };
        let access = books.secret(access);
        let expires = true_now() + lifetime;
        books.access.insert(
            access.clone(),
            Access {
                family: at,
                user: user.clone(),
                expires,
            },
        );
        let refresh = rotate(&mut books, at, has(&Bend::NoRefreshToken));
        let id_token = (realm.has_id_token() && !has(&Bend::NoIdToken))
            .then(|| self.id_token(&family, &user, &bends, now));
        books.secrets.extend(id_token.clone());
        Grant {
            user,
            access: match has(&Bend::EmptyToken) {
                true => String::new(),
                false => access,
            },
            refresh,
            id_token,
            expires_in: (!has(&Bend::NoExpiry)).then_some(expires_in),
            scope: (!has(&Bend::NoScope)).then(|| scope.unwrap_or(family.scope)),
            earliest_refresh: bends.iter().find_map(|bend| match bend {
                Bend::EarliestRefresh(seconds) => Some(now + seconds),
                _ => None,
            }),
        }
    }

    fn id_token(&self, family: &Family, user: &User, bends: &[Bend], now: i64) -> String {
        let mut claims = claims(family, user, now, 3600);
        claims["aud"] = json!(family.client);
        if let Some(nonce) = &family.nonce {
            claims["nonce"] = json!(nonce);
        }
        let mut seal = Seal::Good;
        for bend in bends {
            match bend {
                Bend::Issuer(issuer) => claims["iss"] = json!(issuer),
                Bend::AudienceList => claims["aud"] = json!([family.client]),
                Bend::Audience(list) => claims["aud"] = json!(list),
                Bend::Nonce(nonce) if nonce.is_empty() => {
                    claims.as_object_mut().map(|claims| claims.remove("nonce"));
                }
                Bend::Nonce(nonce) => claims["nonce"] = json!(nonce),
                Bend::Stale => {
                    claims["iat"] = json!(now - 7200);
                    claims["exp"] = json!(now - 3600);
                }
                Bend::Unsigned => seal = Seal::Unsigned,
                Bend::BadSignature => seal = Seal::Bad,
                Bend::UnknownKey => seal = Seal::UnknownKey,
                _ => {}
            }
        }
        if family.realm == Realm::Oidc && !bends.iter().any(|bend| matches!(bend, Bend::Issuer(_)))
        {
            claims["iss"] = json!(self.resolve(super::OIDC));
        }
        self.signer.sign(&claims, seal)
    }
}

/// The refresh token of a family after this use of it, as far as the reply names one.
fn rotate(books: &mut Books, at: usize, omitted: bool) -> Option<String> {
    let realm = books.families[at].realm;
    let old = books.families[at].refresh.clone();
    let new = format!("{}{}{}{}", realm.prefixes().1, random(), random(), random());
    match books.rotation(realm) {
        Rotation::Never => None,
        Rotation::Keeps if old.is_some() => None,
        _ if omitted => None,
        _ => {
            let new = books.secret(new);
            let family = &mut books.families[at];
            family.spent.extend(old);
            family.refresh = Some(new.clone());
            Some(new)
        }
    }
}

/// RFC 7636, S256 alone.
pub(crate) fn verify(asked: Option<&str>, verifier: Option<&str>) -> Result<(), Refusal> {
    let well = |verifier: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (43..=128).contains(&verifier.len()) && verifier.bytes().all(fits)
    };
    match (asked, verifier) {
        (None, None) => Ok(()),
        (Some(asked), Some(verifier)) if well(verifier) && challenge(verifier) == asked => Ok(()),
        _ => Err(Refusal::grant("The code verifier does not fit.")),
    }
}

/// What a JWT of this realm tells.
fn claims(family: &Family, user: &User, now: i64, lifetime: i64) -> Value {
    let mut claims = json!({
        "sub": user.subject, "email": user.email, "email_verified": true, "name": user.name,
        "iat": now, "exp": now + lifetime, "jti": random(),
    });
    match family.realm {
        Realm::Chatgpt | Realm::Codex => {
            claims["iss"] = json!("https://auth.openai.com");
            claims["aud"] = json!(["https://api.openai.com/v1"]);
            claims["https://api.openai.com/profile"] =
                json!({"email": user.email, "email_verified": true});
            claims["https://api.openai.com/auth"] = json!({
                "chatgpt_account_id": user.org, "chatgpt_plan_type": user.plan,
                "chatgpt_user_id": format!("user-{}", user.subject),
                "user_id": format!("user-{}", user.subject),
                "organizations": [{"id": format!("org-{}", user.subject), "is_default": true,
                    "role": "owner", "title": "Personal"}],
            });
        }
        Realm::GeminiCli | Realm::Antigravity => {
            claims["iss"] = json!("https://accounts.google.com");
            claims["azp"] = json!(family.client);
            claims["sub"] = json!(user.number().to_string());
        }
        Realm::Kimi => {
            claims["iss"] = json!("kimi-auth");
            claims["user_id"] = json!(user.subject);
        }
        _ => {}
    }
    claims
}

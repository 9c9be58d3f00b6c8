//! The one POST that renews a token set, and what its answer means.
//!
//! An old refresh token may be dead the moment the POST has left, so it is never sent twice, and an
//! answer that is neither a grant nor a clear refusal changes nothing.

use std::borrow::Cow;
use std::time::Duration;

use byokey_catalog::{
    AwsDevice, AwsPkce, ClientId, Flow, PollProtocol, Provider, Refresh, Route, SecretIn, fill,
};
use byokey_vault::{Account, IssuedClient, SecondToken, Secret, TokenSet};
use jiff::Timestamp;
use reqwest::Url;
use serde_json::Value;

use crate::discovery::TOKEN_URL;
use crate::exchange::{NewTokens, Refusal, TokenCall, TokenReply, exchange, identify};
use crate::sign_ins::TOKEN_ORIGIN;
use crate::{Http, Overrides, client, identity};

/// Whose tokens are renewed, and by which rows.
pub(crate) struct Renewing<'a> {
    pub(crate) http: &'a Http,
    pub(crate) overrides: &'a Overrides,
    pub(crate) provider: &'a Provider,
    pub(crate) route: &'a Route,
    pub(crate) account: &'a Account,
    /// Headers by which byokey names itself, where the provider wants them.
    pub(crate) headers: &'a [(String, String)],
}

/// Why there is no renewed set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotRenewed {
    /// Only a new sign-in helps; in the provider's words.
    Ended(String),
    /// The configuration names another endpoint than the one that gave the tokens.
    Moved { given_by: String, named: String },
    /// The old set stays as good as it was.
    Passing {
        words: String,
        retry_after: Option<Duration>,
    },
}

/// How a flow's tokens are renewed, if they are.
pub(crate) fn rule(flow: &Flow) -> Option<&Refresh> {
    match flow {
        Flow::Pkce(row) => row.refresh.as_ref(),
        Flow::Device(row) => row.refresh.as_ref(),
        Flow::AwsDevice(row) => Some(&row.refresh),
        Flow::AwsPkce(row) => Some(&row.refresh),
        Flow::Poll(row) => Some(&row.refresh),
        Flow::Open | Flow::Key(_) | Flow::Bridge(_) => None,
    }
}

/// What a row says of renewals beside its [`Refresh`].
struct Rows<'a> {
    rule: &'a Refresh,
    /// Where.
    url: Cow<'a, str>,
    client: Option<&'a ClientId>,
    scopes: &'a [String],
    resource: Option<&'a str>,
    /// Whether nothing but the token is sent.
    bare: bool,
}

impl Renewing<'_> {
    /// Asks for successors of `set`.
    ///
    /// # Errors
    /// [`NotRenewed`].
    pub(crate) async fn renew(
        &self,
        set: &TokenSet,
        now: Timestamp,
    ) -> Result<TokenSet, NotRenewed> {
        let rows = self.rows()?;
        let Some(refresh) = &set.refresh else {
            return Err(NotRenewed::Ended(String::new()));
        };
        let url = self.endpoint(&rows, set)?;
        let (id, secret) = self.client(&rows, set);
        let scopes = rows.scopes.join(" ");
        let mut members = vec![("refresh_token", refresh.expose())];
        let mut basic = None;
        if !rows.bare {
            members.push(("grant_type", "refresh_token"));
            let secret_in = rows
                .client
                .map_or(SecretIn::Body, |client| client.secret_in);
            basic = identify(&mut members, secret_in, &id, secret.as_ref());
            members.extend(rows.resource.map(|it| ("resource", it)));
        }
        if rows.rule.sends_scope {
            members.push(("scope", set.scope.as_deref().unwrap_or(&scopes)));
        }
        let headers = self.headers.iter();
        let call = TokenCall {
            url,
            encoding: rows.rule.encoding,
            members,
            basic,
            headers: headers.map(|(name, value)| (&**name, &**value)).collect(),
        };
        let reply = exchange(self.http, self.overrides, call, now).await;
        match reply.map_err(|error| passing(error.to_string()))? {
            TokenReply::Granted(new) => self.succeed(set, *new),
            TokenReply::Refused(refusal) => Err(judge(&refusal, rows.rule, set, now)),
            TokenReply::Busy {
                retry_after,
                status,
            } => Err(NotRenewed::Passing {
                words: format!("it answered with status {status}"),
                retry_after,
            }),
            TokenReply::Unreached(error) => {
                Err(passing(crate::SigninError::from(error).to_string()))
            }
            TokenReply::Unclear(error) => Err(passing(error.to_string())),
        }
    }

    fn rows(&self) -> Result<Rows<'_>, NotRenewed> {
        let none = || NotRenewed::Ended(String::new());
        let rule = rule(&self.route.flow).ok_or_else(none)?;
        let own = rule.url.as_deref();
        let mut rows = Rows {
            rule,
            url: Cow::default(),
            client: None,
            scopes: &[],
            resource: None,
            bare: false,
        };
        match &self.route.flow {
            Flow::Pkce(row) => {
                rows.url = own.unwrap_or(&row.token_url).into();
                rows.client = Some(&row.client);
                rows.scopes = &row.scopes;
                rows.resource = row.resource.as_deref();
            }
            Flow::Device(row) => {
                rows.url = own.unwrap_or(&row.token_url).into();
                rows.client = Some(&row.client);
                rows.scopes = &row.scopes;
            }
            Flow::AwsDevice(AwsDevice { host, .. }) | Flow::AwsPkce(AwsPkce { host, .. }) => {
                let host = fill(host, |name| self.provider.field(&self.account.fields, name));
                let host = host.map_err(|error| passing(error.to_string()))?;
                rows.url = format!("{host}/token").into();
            }
            Flow::Poll(row) => {
                let token = own.or(row.token_url.as_deref()).unwrap_or(&row.poll_url);
                rows.url = token.into();
                rows.client = Some(&row.client);
                rows.bare = row.protocol == PollProtocol::KiroSocial;
            }
            Flow::Open | Flow::Key(_) | Flow::Bridge(_) => return Err(none()),
        }
        Ok(rows)
    }

    /// The endpoint that gave the tokens; they are renewed nowhere else.
    fn endpoint(&self, rows: &Rows<'_>, set: &TokenSet) -> Result<Url, NotRenewed> {
        let own = self.overrides.token_url.as_deref();
        // Where only discovery names it, the sign-in has kept it.
        let row = match rows.url.as_ref() {
            "" => set.extra.get(TOKEN_URL).map_or("", String::as_str),
            row => row,
        };
        let url = self.overrides.own_or(own, row);
        let url = url.map_err(|error| passing(error.to_string()))?;
        let named = url.origin().ascii_serialization();
        match set.extra.get(TOKEN_ORIGIN) {
            Some(origin) if *origin != named => Err(NotRenewed::Moved {
                given_by: origin.clone(),
                named,
            }),
            _ => Ok(url),
        }
    }

    /// That the answer does not speak of somebody else, as far as it says whose it is.
    fn same_person(&self, new: &NewTokens) -> Result<(), NotRenewed> {
        let rule = self.route.identity.as_ref();
        let Some(named) = rule.and_then(|rule| identity::from_reply(rule, new)) else {
            return Ok(());
        };
        let ours = self.account.identity.as_deref().unwrap_or_default();
        // A part that one of them leaves out, such as the organisation, says nothing.
        let differ = |(a, b): (&str, &str)| !a.is_empty() && !b.is_empty() && a != b;
        if ours.split('/').zip(named.subject.split('/')).any(differ) {
            let words = "it answered with the tokens of another account, which were not stored";
            return Err(NotRenewed::Ended(words.to_owned()));
        }
        Ok(())
    }

    /// The new set: what the answer does not hold stays as it was.
    fn succeed(&self, old: &TokenSet, new: NewTokens) -> Result<TokenSet, NotRenewed> {
        if new.access.is_none() && new.refresh.is_none() {
            return Err(passing("there is no token in its answer".to_owned()));
        }
        self.same_person(&new)?;
        let mut set = copied(old);
        for (name, theirs) in [
            ("profile_arn", "profileArn"),
            ("resource_url", "resource_url"),
        ] {
            if let Some(value) = new.rest.get(theirs).and_then(Value::as_str) {
                set.extra.insert(name.to_owned(), value.to_owned());
            }
        }
        set.obtained = new.obtained;
        set.earliest_refresh = new.earliest_refresh;
        set.scope = new.scope.or(set.scope);
        set.refresh = new.refresh.or(set.refresh);
        if let Some(access) = new.access {
            // One that says nothing of its life lives as long as the one before.
            let lived = old.expires.map(|ends| ends.duration_since(old.obtained));
            let ends = lived.and_then(|lived| new.obtained.checked_add(lived).ok());
            set.expires = new.expires.or(ends);
            set.access = access;
        }
        Ok(set)
    }

    /// Who asks: the client that was registered for this installation or used at sign-in, else the
    /// user's own, else the row's.
    fn client(&self, rows: &Rows<'_>, set: &TokenSet) -> (String, Option<Secret>) {
        let own = |row| client::secret(self.overrides, row);
        if let Some(issued) = &set.client {
            let secret = issued.secret.as_ref().map(|it| Secret::new(it.expose()));
            return (
                issued.id.clone(),
                secret.or_else(|| rows.client.and_then(own)),
            );
        }
        let id = rows.client.map(|row| client::id(self.overrides, row));
        let id = id.and_then(Result::ok).unwrap_or_default();
        (id, rows.client.and_then(own))
    }
}

/// A set with the same content.
pub(crate) fn copied(set: &TokenSet) -> TokenSet {
    let kept = |secret: &Secret| Secret::new(secret.expose());
    TokenSet {
        access: kept(&set.access),
        refresh: set.refresh.as_ref().map(kept),
        expires: set.expires,
        obtained: set.obtained,
        earliest_refresh: set.earliest_refresh,
        scope: set.scope.clone(),
        client: set.client.as_ref().map(|client| IssuedClient {
            id: client.id.clone(),
            secret: client.secret.as_ref().map(kept),
            expires: client.expires,
        }),
        second: set.second.as_ref().map(|second| SecondToken {
            token: kept(&second.token),
            expires: second.expires,
            due: second.due,
        }),
        extra: set.extra.clone(),
    }
}

/// What a refusal means for the tokens that are there.
fn judge(refusal: &Refusal, rule: &Refresh, set: &TokenSet, now: Timestamp) -> NotRenewed {
    let code = refusal.error.as_str();
    let words = match (refusal.description.as_str(), code) {
        ("", "") => format!("it answered with status {}", refusal.status),
        ("", code) => code.to_owned(),
        (words, _) => words.to_owned(),
    };
    let registration_ended = || {
        let client = set.client.as_ref();
        client.is_some_and(|client| client.expires.is_some_and(|ends| ends <= now))
    };
    let ended = match code {
        // A fault of the configuration, unless the client itself has run out.
        "invalid_client" | "InvalidClientException" => registration_ended(),
        "invalid_grant" | "InvalidGrantException" | "ExpiredTokenException" => true,
        code if rule.permanent.iter().any(|it| it == code) => true,
        // A page in between answers 403 without a code.
        code => refusal.status == 401 || refusal.status == 403 && !code.is_empty(),
    };
    match ended {
        true => NotRenewed::Ended(words),
        false => NotRenewed::Passing {
            words,
            retry_after: refusal.retry_after,
        },
    }
}

fn passing(words: String) -> NotRenewed {
    NotRenewed::Passing {
        words,
        retry_after: None,
    }
}

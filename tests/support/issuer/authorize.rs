//! The authorize page: what it refuses, and where it sends the person.

use super::{
    Bend, House, Realm, User,
    books::Ask,
    office::random,
    page,
    read::{Fields, Refusal},
};
use crate::Reply;

/// What an authorize page wants.
pub(crate) struct Rules<'a> {
    pub(crate) realm: Realm,
    /// The provider's name for people.
    pub(crate) name: &'a str,
    /// Name of the parameter with the redirect.
    pub(crate) redirect: &'a str,
    /// Whether this redirect was registered for the client.
    pub(crate) redirects: &'a dyn Fn(&str) -> bool,
    /// Scopes that may be asked for; others are refused.
    pub(crate) scopes: &'a [&'a str],
    /// Whether PKCE is a must; S256 alone is ever taken.
    pub(crate) pkce: bool,
    /// Whether `state` and `response_type=code` are musts.
    pub(crate) standard: bool,
    /// Parameters that must have these values.
    pub(crate) also: &'a [(&'a str, &'a str)],
}

/// Checks an authorize request and shows the page on which the person answers.
pub(crate) fn page(
    house: &House,
    fields: &Fields,
    client: &str,
    rules: &Rules<'_>,
) -> Result<Reply, Refusal> {
    Ok(wait(house, check(fields, client, rules)?, rules.name))
}

/// Checks an authorize request. The client id has been looked at by the caller.
pub(crate) fn check(fields: &Fields, client: &str, rules: &Rules<'_>) -> Result<Ask, Refusal> {
    let redirect = fields.need(rules.redirect)?;
    if !(rules.redirects)(redirect) {
        let words = format!("{redirect} is not registered for {client}.");
        return Err(Refusal::new(400, "redirect_uri_mismatch", words));
    }
    if rules.standard {
        fields.is("response_type", "code")?;
    }
    let state = fields.get("state");
    if rules.standard && state.is_none_or(|state| state.len() < 16) {
        return Err(Refusal::request("state is missing or easily guessed."));
    }
    for (name, value) in rules.also {
        fields.is(name, value)?;
    }
    let challenge = fields.get("code_challenge");
    if rules.pkce || challenge.is_some() {
        fields.is("code_challenge_method", "S256")?;
        if fields.need("code_challenge")?.len() != 43 {
            return Err(Refusal::request("code_challenge is no SHA-256."));
        }
    }
    let scope = fields
        .get("scope")
        .or(fields.get("scopes"))
        .unwrap_or_default();
    known_scopes(scope, rules.scopes)?;
    Ok(Ask {
        realm: rules.realm,
        client: client.to_owned(),
        redirect: redirect.to_owned(),
        scope: scope.to_owned(),
        state: state.map(str::to_owned),
        nonce: fields.get("nonce").map(str::to_owned),
        challenge: challenge.map(str::to_owned),
        resource: fields.get("resource").map(str::to_owned),
        new_host: None,
    })
}

/// Shows the page for a request that is in order.
pub(crate) fn wait(house: &House, ask: Ask, name: &str) -> Reply {
    let ticket = random();
    let mut books = house.office.books.lock();
    let page = page::consent(name, &ask, &ticket, &books.people);
    books.asks.insert(ticket, ask);
    page
}

/// Refuses scopes that the provider does not have.
pub(crate) fn known_scopes(asked: &str, known: &[&str]) -> Result<(), Refusal> {
    let strange = asked.split(' ').find(|scope| !known.contains(scope));
    match strange {
        None => Ok(()),
        Some("") if asked.is_empty() && known.is_empty() => Ok(()),
        Some(scope) => {
            let words = format!("The scope {scope:?} is not known.");
            Err(Refusal::new(400, "invalid_scope", words))
        }
    }
}

impl super::office::Office {
    /// Answers a waiting page; where the browser goes then. `None` for an unknown ticket.
    pub(crate) fn decide(&self, ticket: &str, answer: Option<User>) -> Option<String> {
        let mut books = self.books.lock();
        let mut ask = books.asks.remove(ticket)?;
        let bends = books.bent(ask.realm).to_vec();
        let mut extra = Vec::new();
        let host = ask.new_host.take().filter(|_| answer.is_some());
        if let Some(host) = host.filter(|_| !bends.contains(&Bend::NoIssuedClient)) {
            let own = format!("oaiapp_{}", &random()[..24]);
            books.agents.insert(own.clone(), host);
            ask.client.clone_from(&own);
            extra.push(("client_id", own));
        }
        drop(books);
        let mut state = ask.state.clone();
        for bend in &bends {
            match bend {
                Bend::State(other) => state = Some(other.clone()).filter(|state| !state.is_empty()),
                Bend::CallbackIssuer(issuer) => extra.push(("iss", issuer.clone())),
                _ => {}
            }
        }
        if ask.realm == Realm::Chatgpt && !extra.iter().any(|(name, _)| *name == "iss") {
            extra.push(("iss", super::siwc::ISSUER.to_owned()));
        }
        extra.extend(state.map(|state| ("state", state)));
        let redirect = ask.redirect.clone();
        let told = bends.iter().find_map(|bend| match bend {
            Bend::CallbackError(error, words) => Some((*error, *words)),
            _ => None,
        });
        let (error, words) = told.unwrap_or(("access_denied", "The person declined."));
        let mut query = match answer.filter(|_| told.is_none()) {
            Some(user) => vec![("code", self.code(ask, user))],
            None => vec![
                ("error", error.to_owned()),
                ("error_description", words.to_owned()),
            ],
        };
        query.append(&mut extra);
        let query = serde_urlencoded::to_string(query).unwrap_or_default();
        let joint = if redirect.contains('?') { '&' } else { '?' };
        Some(format!("{redirect}{joint}{query}"))
    }
}

/// Whether this is `http://<host>:<any port><path>`.
pub(crate) fn loopback(url: &str, hosts: &[&str], path: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let (authority, at) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((host, port)) = authority.rsplit_once(':') else {
        return false;
    };
    at == path && hosts.contains(&host) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

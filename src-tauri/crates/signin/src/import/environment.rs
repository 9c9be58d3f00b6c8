//! Keys in environment variables. They are offered, never taken by themselves.

use byokey_catalog::{Flow, Provider, Route};
use byokey_vault::{Fields, Secret};
use reqwest::Url;
use zeroize::Zeroizing;

use super::form::{Held, Read};
use super::plan::{Candidate, ENVIRONMENT, Row};
use super::{FoundKind, ImportVerdict, Machine};

/// The keys that the environment holds for one provider.
pub(super) fn keys(row: &Row<'_>) -> Vec<Candidate> {
    let machine = row.importer.machine;
    let set = names(row.provider).into_iter().filter_map(|name| {
        let value = Zeroizing::new(machine.var(name)?);
        Some((name, Secret::new(value.trim())))
    });
    set.filter_map(|(name, key)| offer(row, name, key))
        .collect()
}

/// The variables of a provider, those that tell its routes apart first.
fn names(provider: &Provider) -> Vec<&str> {
    let of_routes = provider
        .routes
        .iter()
        .filter_map(|route| match &route.flow {
            Flow::Key(key) => Some(&key.env),
            _ => None,
        });
    let mut names: Vec<&str> = Vec::new();
    for name in of_routes.flatten().chain(&provider.env) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

fn offer(row: &Row<'_>, name: &str, key: Secret) -> Option<Candidate> {
    let provider = row.provider;
    let (route, mut verdict) = row.judge_key(provider.routes.first()?, &key);
    let route = named(provider, name).unwrap_or(route);
    let fields = fields(row.importer.machine, provider, route);
    if verdict == ImportVerdict::Ready {
        if let Some(host) = other_host(row.importer.machine, provider, name) {
            verdict = ImportVerdict::Unusable {
                why: format!(
                    "the environment uses it at {host}, so it is no key of {}",
                    provider.name
                ),
            };
        } else if let Some(label) = missing(provider, route, &fields) {
            verdict = ImportVerdict::Unusable {
                why: format!("byokey also needs this: {label}. Add the key by hand"),
            };
        }
    }
    let mut found = row.found(
        route,
        FoundKind::Key,
        &format!("{ENVIRONMENT}:{name}"),
        verdict,
    );
    ENVIRONMENT.clone_into(&mut found.source);
    found.place = format!("${name}");
    Some(Candidate {
        found,
        spot: None,
        read: Some(Read {
            entry: String::new(),
            held: Held::Key(key),
            who: super::form::Who::default(),
            scopes: None,
            extra: [].into(),
        }),
        fields,
    })
}

/// The route that says of itself that this variable holds its keys.
fn named<'a>(provider: &'a Provider, name: &str) -> Option<&'a Route> {
    provider.routes.iter().find(|route| match &route.flow {
        Flow::Key(key) => key.env.iter().any(|it| it == name),
        _ => false,
    })
}

/// Values beside the key that the environment holds as well.
fn fields(machine: &Machine, provider: &Provider, route: &Route) -> Fields {
    let of_route = provider
        .fields
        .iter()
        .filter(|field| field.routes.is_empty() || field.routes.contains(&route.id));
    of_route
        .filter_map(|field| {
            let value = field.env.iter().find_map(|name| machine.var(name))?;
            Some((field.name.clone(), value))
        })
        .collect()
}

/// What to ask for that has neither value nor default.
fn missing<'a>(provider: &'a Provider, route: &Route, fields: &Fields) -> Option<&'a str> {
    let mut of_route = provider
        .fields
        .iter()
        .filter(|field| field.routes.is_empty() || field.routes.contains(&route.id));
    let field = of_route.find(|it| it.default.is_none() && !fields.contains_key(&it.name))?;
    Some(&field.label)
}

/// The host that a `…_BASE_URL` beside the key names, if it is none of the provider's: the key then
/// belongs to somebody else, such as a proxy.
fn other_host(machine: &Machine, provider: &Provider, name: &str) -> Option<String> {
    let stem = ["_API_KEY", "_AUTH_TOKEN", "_API_TOKEN"]
        .iter()
        .find_map(|end| name.strip_suffix(end))?;
    let base = machine.var(&format!("{stem}_BASE_URL"))?;
    let host = |url: &str| Some(Url::parse(url).ok()?.host_str()?.to_owned());
    let used = host(&base)?;
    let endpoints = provider.endpoints.iter();
    let known = endpoints.flat_map(|endpoint| {
        let regions = endpoint.regions.iter().map(|region| &region.base_url);
        std::iter::once(&endpoint.base_url).chain(regions)
    });
    let mut known = std::iter::once(&provider.base_url).chain(known);
    let own = known.any(|url| host(url).is_some_and(|host| host == used));
    (!own).then_some(used)
}

use std::collections::{BTreeMap, BTreeSet};

use byokey_wire::{Capabilities, Dialect};
use serde::{Deserialize, Serialize};

use crate::{
    Check, Date, Endpoint, Family, Flow, ListModels, Lockout, Mode, Model, NativeHost, Quirk,
    Route, Service,
};

/// One company product that a person has an account with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Name in configuration, model names and rows.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// Other names that mean this row.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What kind of account it is.
    pub kind: Kind,
    /// Day on which the row was last compared with its sources.
    pub as_of: Option<Date>,
    /// Base that configuration may replace; endpoints, check and lists are put behind it unless they
    /// name another.
    pub base_url: String,
    /// How a credential is sent, unless endpoint or route say otherwise.
    pub auth: Auth,
    /// Constant headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers of the caller that may pass, in lower case.
    #[serde(default)]
    pub forward_headers: Vec<String>,
    /// Environment variables that hold its key, in the order in which they are looked at.
    #[serde(default)]
    pub env: Vec<String>,
    /// What its keys begin with; only good for suggesting, since several vendors share `sk-`.
    #[serde(default)]
    pub key_prefixes: Vec<String>,
    /// Values an account has beside its key.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Names under which a person may ask to sign in, and the routes that each means, the best first.
    /// The provider's own name means all of its routes in their order.
    #[serde(default)]
    pub sign_in: BTreeMap<String, Vec<String>>,
    /// Ways to get a credential, the recommended one first.
    pub routes: Vec<Route>,
    /// Where requests go, the preferred one of a dialect first.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// What it does beside conversations, the preferred way of a task first.
    #[serde(default)]
    pub services: Vec<Service>,
    /// Other hosts for calls that pass through as they are.
    #[serde(default)]
    pub native_hosts: Vec<NativeHost>,
    /// Answers by which it locks an account out.
    #[serde(default)]
    pub lockouts: Vec<Lockout>,
    /// Free call that proves a key.
    pub check: Option<Check>,
    /// Live lists of models.
    #[serde(default)]
    pub list_models: Vec<ListModels>,
    /// Departures that hold at every endpoint.
    #[serde(default)]
    pub quirks: BTreeSet<Quirk>,
    /// Capabilities by family; the first that holds a model counts.
    #[serde(default)]
    pub families: Vec<Family>,
    /// Page for people.
    pub docs_url: Option<String>,
    /// Known models, sorted by id. A live list goes before it and unknown names are passed on.
    #[serde(skip)]
    pub models: Box<[Model]>,
}

/// What kind of account a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A plan of a person or seat; may take keys, too.
    Subscription,
    /// A key that is paid by use.
    Key,
    /// A program on this machine.
    Local,
    /// From the user's configuration.
    Custom,
}

/// How a credential is put into a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer <credential>`.
    Bearer,
    /// A header of its own holds the bare credential.
    Header(String),
    /// `Authorization: <word> <credential>`.
    Scheme(String),
    /// `Authorization: Basic`: the user is the account's field `user`, the password its key.
    Basic,
    /// Nothing is sent.
    None,
}

impl Auth {
    /// The field with the user of [`Basic`](Self::Basic).
    pub const USER: &'static str = "user";
}

/// A value that an account has beside its key and that stands as `{name}` in addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name within the braces.
    pub name: String,
    /// What to ask a person for.
    pub label: String,
    /// Value when none is given; `{other}` is the value of another field.
    pub default: Option<String>,
    /// Environment variables that hold it.
    #[serde(default)]
    pub env: Vec<String>,
    /// Routes that need it; empty means all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Whether it is asked for at sign-in only: it may be any text then, and is not kept among the
    /// account's values.
    #[serde(default)]
    pub sign_in_only: bool,
}

impl Provider {
    /// The route with this id.
    pub fn route(&self, id: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.id == id)
    }

    /// The route whose kind of key this is: one that names its beginning, else the first that takes
    /// keys without naming one. `None` when no route does or the provider refuses such keys.
    pub fn route_for_key(&self, key: &str) -> Option<&Route> {
        let begins = |prefixes: &[String]| {
            prefixes
                .iter()
                .any(|prefix| key.starts_with(prefix.as_str()))
        };
        let keyed = || {
            self.routes.iter().filter_map(|route| match &route.flow {
                Flow::Key(flow) => Some((route, flow)),
                _ => None,
            })
        };
        if keyed().any(|(_, flow)| begins(&flow.refused_prefixes)) {
            return None;
        }
        let named = keyed().find(|(_, flow)| begins(&flow.prefixes));
        let any = || keyed().find(|(_, flow)| flow.prefixes.is_empty());
        // A prefix is only a hint: a key of a form nobody has seen goes to the first route.
        named
            .or_else(any)
            .or_else(|| keyed().next())
            .map(|(route, _)| route)
    }

    /// The endpoint that speaks `dialect` to accounts of `route` for `model`.
    pub fn endpoint(&self, dialect: Dialect, route: &str, model: &str) -> Option<&Endpoint> {
        self.endpoints_for(route, model)
            .into_iter()
            .find(|endpoint| endpoint.dialect == dialect)
    }

    /// All endpoints that take accounts of `route` for `model`, preferred first.
    pub fn endpoints_for(&self, route: &str, model: &str) -> Vec<&Endpoint> {
        let only_responses = self
            .model(model)
            .is_some_and(|model| model.mode == Mode::Responses);
        let fits = |endpoint: &&Endpoint| {
            endpoint.takes(route)
                && endpoint.serves(model)
                && (!only_responses || endpoint.dialect == Dialect::Responses)
        };
        self.endpoints.iter().filter(fits).collect()
    }

    /// How a credential of `route` is sent to `endpoint`: the route's word goes first, then the
    /// endpoint's, then the provider's.
    pub fn auth_for<'a>(&'a self, route: Option<&'a Route>, endpoint: &'a Endpoint) -> &'a Auth {
        self.auth_with(route, endpoint.auth.as_ref())
    }

    /// The same for an address that says `own` of it, or nothing.
    pub fn auth_with<'a>(&'a self, route: Option<&'a Route>, own: Option<&'a Auth>) -> &'a Auth {
        let of_route = route.and_then(|route| route.auth.as_ref());
        of_route.or(own).unwrap_or(&self.auth)
    }

    /// Constant headers of a request: the provider's, the endpoint's and the route's; a name that
    /// comes again replaces the earlier value.
    pub fn headers_for<'a>(
        &'a self,
        route: Option<&'a Route>,
        endpoint: &'a Endpoint,
    ) -> BTreeMap<&'a str, &'a str> {
        self.headers_with(route, &endpoint.headers)
    }

    /// The same for an address with constant headers of its own.
    pub fn headers_with<'a>(
        &'a self,
        route: Option<&'a Route>,
        own: &'a BTreeMap<String, String>,
    ) -> BTreeMap<&'a str, &'a str> {
        let of_route = route.into_iter().flat_map(|route| &route.headers);
        let all = self.headers.iter().chain(own).chain(of_route);
        all.map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// The live list that takes accounts of `route`.
    pub fn list_for(&self, route: &str) -> Option<&ListModels> {
        self.list_models.iter().find(|list| list.takes(route))
    }

    /// Whether requests to `endpoint` have this departure.
    pub fn has(&self, quirk: Quirk, endpoint: &Endpoint) -> bool {
        self.quirks.contains(&quirk) || endpoint.quirks.contains(&quirk)
    }

    /// The value of a field of an account that was `given` these: its own, or the row's default.
    pub fn field<'a>(&'a self, given: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
        if let Some(value) = given.get(name) {
            return Some(value);
        }
        let field = self.fields.iter().find(|field| field.name == name)?;
        let default = field.default.as_deref()?;
        match default
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(other) => given.get(other).map(String::as_str),
            None => Some(default),
        }
    }

    /// Fields that accounts of `route` have.
    pub fn fields_for<'a>(&'a self, route: &'a str) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(move |field| {
            field.routes.is_empty() || field.routes.iter().any(|id| id == route)
        })
    }

    /// The model with this id, alias or dated form of an id; see
    /// [`Catalog::model`](crate::Catalog::model).
    pub fn model(&self, name: &str) -> Option<&Model> {
        let exact = self.models.binary_search_by(|model| (*model.id).cmp(name));
        if let Ok(at) = exact {
            return Some(&self.models[at]);
        }
        let alias = |model: &&Model| model.aliases.iter().any(|alias| **alias == *name);
        self.models
            .iter()
            .find(alias)
            .or_else(|| self.model_without_date(name))
            .or_else(|| self.latest_dated(name))
    }

    /// What translation has to know about a model: its row's word, or its family's when no row knows
    /// it, or nothing, so that everything is passed on.
    pub fn capabilities(&self, model: &str) -> Capabilities {
        let of_family = || {
            self.families
                .iter()
                .find(|family| family.holds(model))
                .map(|f| &f.caps)
        };
        let known = self.model(model).map(|model| &model.caps);
        known.or_else(of_family).cloned().unwrap_or_default()
    }

    /// `claude-haiku-4-5-20251001` is `claude-haiku-4-5` where only that is listed.
    fn model_without_date(&self, name: &str) -> Option<&Model> {
        let plain = undated(name)?;
        let at = self
            .models
            .binary_search_by(|model| (*model.id).cmp(plain))
            .ok()?;
        Some(&self.models[at])
    }

    /// `claude-opus-4-5` is the latest `claude-opus-4-5-<date>` where only dated ids are listed.
    fn latest_dated(&self, name: &str) -> Option<&Model> {
        let from = self.models.partition_point(|model| *model.id < *name);
        let run = self.models[from..]
            .iter()
            .take_while(|model| model.id.starts_with(name));
        run.filter(|model| undated(&model.id) == Some(name)).last()
    }
}

/// A model name without its date (`-20251001`, `@20251001` or `-2025-10-01`), if it ends in one.
pub fn undated(name: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let year = |text: &str| text.starts_with("20");
    let cut = |length: usize| {
        let at = name.len().checked_sub(length).filter(|&at| at > 0)?;
        name.is_char_boundary(at).then(|| name.split_at(at))
    };
    if let Some((plain, date)) = cut(9)
        && date.starts_with(['-', '@'])
        && digits(&date[1..])
        && year(&date[1..])
    {
        return Some(plain);
    }
    let (plain, date) = cut(11)?;
    let parts: Vec<&str> = date.strip_prefix('-')?.split('-').collect();
    let formed = matches!(parts[..], [y, m, d] if y.len() == 4 && m.len() == 2 && d.len() == 2);
    (formed && year(parts[0]) && parts.iter().all(|part| digits(part))).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::undated;

    #[test]
    fn takes_off_dates_only() {
        for (name, plain) in [
            ("claude-haiku-4-5-20251001", Some("claude-haiku-4-5")),
            ("claude-haiku-4-5@20251001", Some("claude-haiku-4-5")),
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("gpt-4-0613", None),
            ("model-12345678", None),
            ("-20251001", None),
            ("2024-08-06", None),
            ("é-2024-08-06", Some("é")),
            ("ééééé", None),
            ("", None),
        ] {
            assert_eq!(undated(name), plain, "{name}");
        }
    }
}

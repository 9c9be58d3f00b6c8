//! From a model name to the accounts that can serve it, in the order in which they are asked.

mod served;

use std::collections::HashMap;
use std::sync::Arc;

use byokey_catalog::{Catalog, Mode, Price, Provider};
use byokey_wire::{Capabilities, Dialect, Fault, FaultKind, Plan, plan};
use http::{HeaderMap, HeaderName, Uri};
use parking_lot::Mutex;

pub(crate) use self::served::Served;
use self::served::ServedBefore;
use crate::config::Config;
use crate::roster::{Line, Roster, Seat};

/// One way to serve a request.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) seat: Arc<Seat>,
    pub(crate) plan: Plan,
    pub(crate) upstream: Dialect,
    /// The provider's name of the model.
    pub(crate) model: String,
    pub(crate) caps: Capabilities,
    pub(crate) price: Option<Price>,
    /// Address for a whole reply.
    pub(crate) uri: Uri,
    /// Address for a streamed reply.
    pub(crate) stream_uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) forward: Arc<[HeaderName]>,
}

/// Answers already found; valid as long as roster and configuration stay.
#[derive(Default)]
pub(crate) struct Resolved {
    candidates: Mutex<HashMap<Question, Arc<[Candidate]>>>,
    served: ServedBefore,
}

/// Who speaks what, and the name asked for.
type Question = (Dialect, String);

/// Names are the callers' own words, so their number must be bounded.
const REMEMBERED: usize = 1024;

/// What a name is looked up in.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) config: &'a Config,
    pub(crate) roster: &'a Roster,
}

impl Resolved {
    /// The candidates for a model name, first choice first; never empty.
    ///
    /// # Errors
    /// When no such model is known, or no account can serve it to this caller.
    pub(crate) fn candidates(
        &self,
        known: Known<'_>,
        caller: Dialect,
        name: &str,
    ) -> Result<Arc<[Candidate]>, Fault> {
        let key = (caller, name.to_owned());
        if let Some(found) = self.candidates.lock().get(&key) {
            return Ok(found.clone());
        }
        let found: Arc<[Candidate]> = known.candidates(caller, name)?.into();
        let mut remembered = self.candidates.lock();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, found.clone());
        Ok(found)
    }
}

/// Where a name points.
struct Wanted<'a> {
    provider: &'a Provider,
    account: Option<&'a str>,
    model: &'a str,
}

impl<'a> Known<'a> {
    fn candidates(self, caller: Dialect, name: &'a str) -> Result<Vec<Candidate>, Fault> {
        let single = [name.to_owned()];
        let names = self
            .config
            .models
            .aliases
            .get(name)
            .map_or(&single[..], Vec::as_slice);
        let mut found = Vec::new();
        let mut first_fault = None;
        for name in names {
            match self.of_one(caller, name) {
                Ok(more) => found.extend(more),
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        match first_fault {
            Some(fault) if found.is_empty() => Err(fault),
            _ => Ok(found),
        }
    }

    fn of_one(self, caller: Dialect, name: &str) -> Result<Vec<Candidate>, Fault> {
        let wanted = self.wanted(name);
        if wanted.is_empty() {
            return Err(self.unknown(name));
        }
        let mut found = Vec::new();
        for seat in &self.roster.seats {
            let fits = wanted.iter().find(|wanted| {
                wanted.provider.id == seat.account.provider
                    && wanted
                        .account
                        .is_none_or(|account| account == seat.account.name)
            });
            if let Some(wanted) = fits {
                found.extend(candidate(seat, wanted, caller));
            }
        }
        if found.is_empty() {
            Err(self.nobody(&wanted, caller))
        } else {
            Ok(found)
        }
    }

    /// Readings of a name: `provider/model`, `provider/account/model`, or a model that rows know.
    fn wanted<'n>(self, name: &'n str) -> Vec<Wanted<'n>>
    where
        'a: 'n,
    {
        if let Some((first, rest)) = name.split_once('/')
            && let Some(provider) = self.catalog.provider(first)
            && !rest.is_empty()
        {
            let named = rest.split_once('/').filter(|(account, model)| {
                !model.is_empty() && self.has_account(&provider.id, account)
            });
            let (account, model) =
                named.map_or((None, rest), |(account, model)| (Some(account), model));
            return vec![Wanted {
                provider,
                account,
                model,
            }];
        }
        let serves =
            |provider: &&Provider| self.has_seat(&provider.id) && provider.model(name).is_some();
        let wanted: Vec<_> = self.catalog.providers().filter(serves).collect();
        let wanted = if wanted.is_empty() {
            // Known, but nobody can serve it: say so rather than call it unknown.
            self.catalog
                .providers()
                .filter(|provider| provider.model(name).is_some())
                .collect()
        } else {
            wanted
        };
        let reading = |provider| Wanted {
            provider,
            account: None,
            model: name,
        };
        wanted.into_iter().map(reading).collect()
    }

    fn has_account(self, provider: &str, account: &str) -> bool {
        self.roster
            .seats
            .iter()
            .any(|seat| seat.account.provider == provider && seat.account.name == account)
    }

    fn has_seat(self, provider: &str) -> bool {
        self.roster
            .seats
            .iter()
            .any(|seat| seat.account.provider == provider)
    }

    fn unknown(self, name: &str) -> Fault {
        let names = self.listed();
        let near = self
            .catalog
            .near(name, names.iter().map(|(id, _)| id.as_str()), 3);
        let hint = if near.is_empty() {
            "GET /v1/models lists what your accounts serve.".into()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        let shown: String = name.chars().take(100).collect();
        let mut fault = Fault::new(
            FaultKind::UnknownModel,
            format!(
                "no account serves the model `{shown}`; {hint} A model too new for byokey's lists \
                 can be asked for as provider/model."
            ),
        );
        fault.param = Some("model".into());
        fault
    }

    /// Why nobody can serve a name that is understood.
    fn nobody(self, wanted: &[Wanted<'_>], caller: Dialect) -> Fault {
        let seated = wanted
            .iter()
            .find(|wanted| self.has_seat(&wanted.provider.id));
        if let Some(wanted) = seated {
            return Fault::new(
                FaultKind::BadRequest,
                format!(
                    "{} cannot serve `{}` to a program that speaks {}; ask for it through another \
                     surface",
                    wanted.provider.name,
                    wanted.model,
                    caller.name()
                ),
            );
        }
        let reason = self.roster.idle.iter().find_map(|(account, reason)| {
            let ours = wanted
                .iter()
                .any(|wanted| wanted.provider.id == account.provider);
            ours.then(|| format!("account {}/{}: {reason}", account.provider, account.name))
        });
        let ids: Vec<_> = wanted
            .iter()
            .map(|wanted| wanted.provider.id.as_str())
            .collect();
        let message = reason.unwrap_or_else(|| {
            format!(
                "`{}` is served by {}, but byokey holds no account there; add one with `byokey \
                 add-key {}`",
                wanted.first().map_or("", |wanted| wanted.model),
                ids.join(", "),
                ids.first().copied().unwrap_or_default()
            )
        });
        Fault::new(FaultKind::NoAccount, message)
    }

    /// Models that enabled accounts serve, as callers may name them, with the provider's id. Aliases
    /// come first and have no provider.
    pub(crate) fn listed(self) -> Vec<(String, Option<&'a Provider>)> {
        let aliases = self
            .config
            .models
            .aliases
            .keys()
            .map(|alias| (alias.clone(), None));
        let mut listed: Vec<_> = aliases.collect();
        let mut seen: std::collections::HashSet<&str> = self
            .config
            .models
            .aliases
            .keys()
            .map(String::as_str)
            .collect();
        for provider in self
            .catalog
            .providers()
            .filter(|provider| self.has_seat(&provider.id))
        {
            for model in provider
                .models
                .iter()
                .filter(|model| model.mode == Mode::Chat)
            {
                if seen.insert(&model.id) {
                    listed.push((model.id.to_string(), Some(provider)));
                }
            }
        }
        listed
    }
}

/// How a seat serves a model, if it can: a line that needs no translation goes before one that does.
fn candidate(seat: &Arc<Seat>, wanted: &Wanted<'_>, caller: Dialect) -> Option<Candidate> {
    let known = wanted.provider.model(wanted.model);
    let responses_only = known.is_some_and(|model| model.mode == Mode::Responses);
    let usable = |line: &&Line| {
        line.endpoint.serves(wanted.model)
            && (!responses_only || line.dialect == Dialect::Responses)
    };
    let planned = seat.lines.iter().filter(usable).filter_map(|line| {
        let plan = plan(caller, line.dialect)?;
        Some((plan, line))
    });
    let (plan, line) = planned.min_by_key(|(plan, _)| *plan == Plan::Via)?;
    let uri = |stream| {
        line.endpoint
            .url(line.base.as_deref(), wanted.model, stream)
            .parse()
            .ok()
    };
    Some(Candidate {
        seat: seat.clone(),
        plan,
        upstream: line.dialect,
        model: wanted.model.to_owned(),
        caps: wanted.provider.capabilities(wanted.model),
        price: known.and_then(|model| model.price.clone()),
        uri: uri(false)?,
        stream_uri: uri(true)?,
        headers: line.headers.clone(),
        forward: line.forward.clone(),
    })
}

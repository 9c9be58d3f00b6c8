//! From a model name to the accounts that can serve it, in the order in which they are asked.

mod name;
mod served;
mod shape;
mod tells;

use std::collections::HashMap;
use std::sync::Arc;

use byokey_catalog::{Catalog, LiveModel, Mode, Price, Provider};
use byokey_signin::Token;
use byokey_wire::{Capabilities, Dialect, Fault, FaultKind, Plan, Reasoning, plan};
use http::{HeaderMap, HeaderName, Uri};
use parking_lot::Mutex;

pub(crate) use self::served::Served;
use self::served::ServedBefore;
pub(crate) use self::shape::Shape;
pub(crate) use self::tells::Tells;
use crate::config::Config;
use crate::live::Lists;
use crate::models::capabilities;
use crate::roster::{Line, Roster, Seat, Signature};

pub(crate) use name::plain;
use name::suffix;

/// One way to serve a request.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) seat: Arc<Seat>,
    pub(crate) plan: Plan,
    pub(crate) upstream: Dialect,
    /// Which form of that dialect.
    pub(crate) shape: Shape,
    /// What its provider wants to be told beside the body.
    pub(crate) tells: Tells,
    /// The provider's name of the model.
    pub(crate) model: String,
    pub(crate) caps: Capabilities,
    /// Whether a row of the catalogue knows the model.
    pub(crate) in_catalog: bool,
    /// How hard to think by the name's suffix.
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) price: Option<Price>,
    /// Address for a whole reply.
    pub(crate) uri: Uri,
    /// Address for a streamed reply.
    pub(crate) stream_uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) signature: Option<Signature>,
    pub(crate) forward: Arc<[HeaderName]>,
    /// Where its provider counts tokens, if it does.
    pub(crate) counter: Option<Counter>,
}

/// A provider's call that counts a prompt's tokens.
#[derive(Clone)]
pub(crate) struct Counter {
    pub(crate) dialect: Dialect,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    signature: Option<Signature>,
}

impl Candidate {
    /// The same with the account's token put in, for accounts that have one.
    ///
    /// # Errors
    /// When the token cannot be sent.
    pub(crate) fn signed(&self, token: &Token) -> Result<Self, Fault> {
        let mut signed = self.clone();
        signed.shape = self.shape.with(token);
        if let Some(signature) = &self.signature {
            signature.sign(token, &mut signed.headers)?;
            signed.uri = signature.address(token, &self.uri);
            signed.stream_uri = signature.address(token, &self.stream_uri);
        }
        if let Some(counter) = &mut signed.counter
            && let Some(signature) = &counter.signature
        {
            signature.sign(token, &mut counter.headers)?;
            counter.uri = signature.address(token, &counter.uri);
        }
        Ok(signed)
    }
}

impl Counter {
    fn of(line: &Line, model: &str) -> Option<Self> {
        let url = line.endpoint.count_url(line.base.as_deref(), model)?;
        Some(Self {
            dialect: line.dialect,
            uri: url.parse().ok()?,
            headers: line.headers.clone(),
            signature: line.signature.clone(),
        })
    }
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
    pub(crate) lists: &'a Lists,
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
pub(crate) struct Wanted<'a> {
    pub(crate) provider: &'a Provider,
    account: Option<&'a str>,
    pub(crate) model: &'a str,
    /// Whether the name says which provider.
    named: bool,
}

impl<'a> Wanted<'a> {
    /// A model of this provider, whichever account serves it.
    pub(crate) fn bare(provider: &'a Provider, model: &'a str) -> Self {
        Self {
            provider,
            account: None,
            model,
            named: false,
        }
    }

    /// Whether this account is meant.
    pub(crate) fn means(&self, seat: &Seat) -> bool {
        let account = &seat.account;
        self.provider.id == account.provider && self.account.is_none_or(|it| it == account.name)
    }
}

impl<'a> Known<'a> {
    fn candidates(self, caller: Dialect, name: &'a str) -> Result<Vec<Candidate>, Fault> {
        let aliases = &self.config.models.aliases;
        let (plain, wish) = match aliases.contains_key(name) {
            true => (name, None),
            false => suffix(name)?,
        };
        let single = [plain.to_owned()];
        let names = aliases.get(plain).map_or(&single[..], Vec::as_slice);
        let mut found = Vec::new();
        let mut first_fault = None;
        for name in names {
            let one = suffix(name).and_then(|(name, own)| self.of_one(caller, name, wish.or(own)));
            match one {
                Ok(more) => found.extend(more),
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        match first_fault {
            Some(fault) if found.is_empty() => Err(fault),
            _ => Ok(found),
        }
    }

    fn of_one(
        self,
        caller: Dialect,
        name: &str,
        reasoning: Option<Reasoning>,
    ) -> Result<Vec<Candidate>, Fault> {
        let wanted = self.wanted(name);
        if wanted.is_empty() {
            return Err(self.unknown(name));
        }
        let seats = self.seats(&wanted);
        let found: Vec<_> = seats
            .into_iter()
            .filter_map(|(seat, wanted)| self.candidate(seat, wanted, caller))
            .map(|candidate| Candidate {
                reasoning,
                ..candidate
            })
            .collect();
        if found.is_empty() {
            Err(self.nobody(&wanted, caller))
        } else {
            Ok(found)
        }
    }

    /// The accounts that are meant, in the order in which they are asked. Where the provider is not
    /// named and some account lists the model, those whose own list lacks it are left out.
    pub(crate) fn seats<'w, 'n>(
        self,
        wanted: &'w [Wanted<'n>],
    ) -> Vec<(&'a Arc<Seat>, &'w Wanted<'n>)> {
        let fits = |seat: &'a Arc<Seat>| {
            let wanted = wanted.iter().find(|wanted| wanted.means(seat))?;
            let list = self.lists.of(seat).filter(|_| !wanted.named);
            let listed = list.map(|list| list.get(wanted.model).is_some());
            Some((seat, wanted, listed))
        };
        let all: Vec<_> = self.roster.seats.iter().filter_map(fits).collect();
        let sure = all.iter().any(|(.., listed)| *listed == Some(true));
        all.into_iter()
            .filter(|(.., listed)| !sure || *listed != Some(false))
            .map(|(seat, wanted, _)| (seat, wanted))
            .collect()
    }

    /// Readings of a name: `provider/model`, `provider/account/model`, or a model that rows or live
    /// lists know.
    pub(crate) fn wanted<'n>(self, name: &'n str) -> Vec<Wanted<'n>>
    where
        'a: 'n,
    {
        if let Some((first, rest)) = name.split_once('/')
            && let Some(provider) = self.catalog.provider(first)
            && !rest.is_empty()
            // A router's names have slashes, too: `anthropic/…` is one of its models where no
            // account of Anthropic's own is at hand.
            && (self.has_seat(&provider.id) || !self.is_listed(name))
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
                named: true,
            }];
        }
        let serves = |provider: &&Provider| {
            self.has_seat(&provider.id)
                && (provider.model(name).is_some() || self.lists_at(&provider.id, name))
        };
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
        let reading = |provider| Wanted::bare(provider, name);
        wanted.into_iter().map(reading).collect()
    }

    /// Whether a live list of this provider's accounts has the model.
    fn lists_at(self, provider: &str, model: &str) -> bool {
        let seats = self.roster.seats.iter();
        let mut seats = seats.filter(|seat| seat.account.provider == provider);
        seats.any(|seat| {
            self.lists
                .of(seat)
                .is_some_and(|list| list.get(model).is_some())
        })
    }

    /// Whether any account serves a model of exactly this name.
    fn is_listed(self, name: &str) -> bool {
        let providers = self.catalog.providers();
        let mut seated = providers.filter(|provider| self.has_seat(&provider.id));
        seated.any(|provider| provider.model(name).is_some() || self.lists_at(&provider.id, name))
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
        let offered = self.offered();
        let names = offered.iter().map(|model| model.id.as_str());
        let near = self.catalog.near(name, names, 3);
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

    /// How a seat serves a model, if it can: a line that needs no translation goes before one that
    /// does.
    fn candidate(
        self,
        seat: &Arc<Seat>,
        wanted: &Wanted<'_>,
        caller: Dialect,
    ) -> Option<Candidate> {
        let known = wanted.provider.model(wanted.model);
        let live = self.lists.of(seat).and_then(|list| list.get(wanted.model));
        let planned = usable(seat, wanted, live).filter_map(|line| {
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
            shape: Shape::of(wanted.provider, seat, line),
            tells: Tells::of(wanted.provider, line),
            model: wanted.model.to_owned(),
            caps: capabilities(wanted.provider, wanted.model, live),
            in_catalog: known.is_some(),
            reasoning: None,
            price: known.and_then(|model| model.price.clone()),
            uri: uri(false)?,
            stream_uri: uri(true)?,
            headers: line.headers.clone(),
            signature: line.signature.clone(),
            forward: line.forward.clone(),
            counter: usable(seat, wanted, live)
                .filter_map(|line| Counter::of(line, wanted.model))
                .min_by_key(|counter| counter.dialect != caller),
        })
    }
}

/// The lines over which a seat can be asked for a model.
pub(crate) fn usable<'s>(
    seat: &'s Seat,
    wanted: &Wanted<'_>,
    live: Option<&'s LiveModel>,
) -> impl Iterator<Item = &'s Line> {
    let known = wanted.provider.model(wanted.model);
    let responses_only = known.is_some_and(|model| model.mode == Mode::Responses);
    let told = live.and_then(|live| live.dialects.as_deref());
    let model = wanted.model.to_owned();
    seat.lines.iter().filter(move |line| match told {
        Some(dialects) => dialects.contains(&line.dialect),
        None => {
            line.endpoint.serves(&model) && (!responses_only || line.dialect == Dialect::Responses)
        }
    })
}

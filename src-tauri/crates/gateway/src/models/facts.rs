//! What is known of each model that the accounts serve now: the live lists joined with the
//! catalogue's rows.

use std::collections::{BTreeSet, HashSet};

use byokey_catalog::{LiveModel, Modality, Mode, Model, Price, Provider, Quirk};
use byokey_wire::{Capabilities, Dialect, Effort, ThinkingSupport};

use crate::resolve::{Known, Wanted, plain, usable};
use crate::roster::Seat;

/// A model that the accounts serve now, or an alias. What nobody tells is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelFacts {
    /// The name that programs ask for.
    pub id: String,
    /// The provider that is asked first; `None` for an alias.
    pub provider: Option<String>,
    /// Name shown to people.
    pub name: Option<String>,
    /// Most tokens of prompt and reply together.
    pub context: Option<u64>,
    /// Most tokens of a reply.
    pub max_output: Option<u64>,
    /// What a prompt may hold.
    pub input: Option<BTreeSet<Modality>>,
    /// Whether it calls tools.
    pub tools: Option<bool>,
    /// Whether it reasons.
    pub reasoning: Option<bool>,
    /// Reasoning levels, lowest first.
    pub levels: Vec<Effort>,
    /// Smallest and largest reasoning budget in tokens.
    pub budget: Option<(u64, u64)>,
    /// Whether it takes Anthropic's `adaptive` thinking.
    pub adaptive: bool,
    /// Whether it keeps to a JSON schema.
    pub json_schema: Option<bool>,
    /// Dialects in which its provider takes requests; a program that speaks another is translated.
    pub dialects: Vec<Dialect>,
    /// List price.
    pub price: Option<Price>,
    /// When it came out, in seconds since the epoch.
    pub created_s: Option<i64>,
    /// Whether the provider's live list has it; else the catalogue says so.
    pub live: bool,
}

/// What translation has to know about a model: the catalogue's word, and the live list's where it
/// has one.
pub(crate) fn capabilities(
    provider: &Provider,
    model: &str,
    live: Option<&LiveModel>,
) -> Capabilities {
    let mut caps = provider.capabilities(model);
    let Some(live) = live else {
        return caps;
    };
    caps.max_output = live.max_output.or(caps.max_output);
    caps.json_schema = live.json_schema.or(caps.json_schema);
    let told = live.levels.is_some() || live.budget.is_some() || live.reasoning == Some(false);
    if caps.thinking.is_none() && told {
        caps.thinking = Some(ThinkingSupport::default());
    }
    if let Some(thinking) = &mut caps.thinking {
        if let Some(levels) = live.levels.as_ref().filter(|levels| !levels.is_empty()) {
            thinking.levels.clone_from(levels);
            thinking.zero_ok |= levels.contains(&Effort::None);
        }
        thinking.budget = live.budget.or(thinking.budget);
        thinking.adaptive = live.adaptive.unwrap_or(thinking.adaptive);
    }
    caps
}

impl Known<'_> {
    /// The models that the accounts serve now, aliases first. A name that several providers have
    /// stands there once, with the facts of the one that is asked first.
    pub(crate) fn offered(self) -> Vec<ModelFacts> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        for (alias, members) in &self.config.models.aliases {
            if let Some(facts) = self.of_alias(alias, members) {
                seen.insert(alias.clone());
                all.push(facts);
            }
        }
        for seat in &self.roster.seats {
            let Some(provider) = self.catalog.provider(&seat.account.provider) else {
                continue;
            };
            let mut facts: Vec<_> = self
                .names_at(seat, provider)
                .into_iter()
                .filter(|name| !seen.contains(*name))
                .filter_map(|name| self.facts(seat, &Wanted::bare(provider, name)))
                .collect();
            facts.sort_by(|left, right| left.id.cmp(&right.id));
            facts.retain(|facts| seen.insert(facts.id.clone()));
            all.extend(facts);
        }
        all
    }

    /// What is known of one name, also of one that no list shows, such as `provider/model`.
    pub(crate) fn of_name(self, name: &str) -> Option<ModelFacts> {
        let plain = plain(name);
        let facts = match self.config.models.aliases.get(plain) {
            Some(members) => self.of_alias(plain, members)?,
            None => self.first(plain)?,
        };
        let id = name.to_owned();
        Some(ModelFacts { id, ..facts })
    }

    fn first(self, name: &str) -> Option<ModelFacts> {
        let wanted = self.wanted(name);
        let seats = self.seats(&wanted);
        seats
            .into_iter()
            .find_map(|(seat, wanted)| self.facts(seat, wanted))
    }

    /// An alias can do what each of its members can; members that nobody serves now do not count.
    fn of_alias(self, alias: &str, members: &[String]) -> Option<ModelFacts> {
        let members = members
            .iter()
            .filter_map(|member| self.first(plain(member)));
        let common = members.reduce(ModelFacts::common)?;
        Some(ModelFacts {
            id: alias.to_owned(),
            provider: None,
            name: None,
            ..common
        })
    }

    /// The names of a seat's models: the live list's, else the catalogue's, and in any case those
    /// that the user's configuration names.
    fn names_at<'s>(self, seat: &'s Seat, provider: &'s Provider) -> Vec<&'s str>
    where
        Self: 's,
    {
        let settings = self.config.providers.get(&provider.id);
        let own = settings.into_iter().flat_map(|settings| &settings.models);
        let own = own.map(String::as_str);
        let listed: Vec<&str> = match self.lists.of(seat) {
            Some(list) => list
                .models()
                .iter()
                .map(|model| model.id.as_str())
                .collect(),
            // There a model has the name that the user gave it.
            None if provider.quirks.contains(&Quirk::DeploymentIsModel) => Vec::new(),
            None => provider.models.iter().map(|model| &*model.id).collect(),
        };
        own.chain(listed).collect()
    }

    /// What is known of a seat's model, if requests for it can be served.
    fn facts(self, seat: &Seat, wanted: &Wanted<'_>) -> Option<ModelFacts> {
        let known = wanted.provider.model(wanted.model);
        let live = self.lists.of(seat).and_then(|list| list.get(wanted.model));
        let mode = known
            .map(|model| model.mode)
            .or(live.and_then(|live| live.mode));
        if !matches!(mode, None | Some(Mode::Chat | Mode::Responses)) {
            return None;
        }
        let mut dialects: Vec<_> = usable(seat, wanted, live)
            .map(|line| line.dialect)
            .collect();
        dialects.dedup();
        if dialects.is_empty() {
            return None;
        }
        let caps = capabilities(wanted.provider, wanted.model, live);
        let thinking = caps.thinking.as_ref();
        // A row of which only the id is known says nothing by its defaults.
        let told = known.filter(|model| is_described(model));
        let of_live = |fact: fn(&LiveModel) -> Option<u64>| live.and_then(fact);
        Some(ModelFacts {
            id: wanted.model.to_owned(),
            provider: Some(wanted.provider.id.clone()),
            name: live
                .and_then(|live| live.name.clone())
                .or_else(|| known?.name.as_deref().map(str::to_owned)),
            context: of_live(|live| live.context).or_else(|| known?.context),
            max_output: of_live(|live| live.max_output).or_else(|| known?.max_output),
            input: live
                .and_then(|live| live.input.clone())
                .or_else(|| Some(told?.input.clone())),
            tools: live
                .and_then(|live| live.tools)
                .or_else(|| Some(told?.tools)),
            reasoning: live
                .and_then(|live| live.reasoning)
                .or_else(|| Some(told?.reasoning)),
            levels: thinking.map_or_else(Vec::new, |thinking| thinking.levels.clone()),
            budget: thinking.and_then(|thinking| thinking.budget),
            adaptive: thinking.is_some_and(|thinking| thinking.adaptive),
            json_schema: caps.json_schema,
            dialects,
            price: known.and_then(|model| model.price.clone()),
            created_s: live.and_then(|live| live.created_s),
            live: live.is_some(),
        })
    }
}

fn is_described(model: &Model) -> bool {
    model.context.is_some() || model.tools || model.reasoning || model.price.is_some()
}

impl ModelFacts {
    /// What both can do; a limit that one of them does not tell is the other's.
    fn common(self, other: Self) -> Self {
        let least = |one: Option<u64>, two: Option<u64>| one.into_iter().chain(two).min();
        let both = |one: Option<bool>, two: Option<bool>| match (one, two) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let kept = |one: Vec<Effort>, two: &[Effort]| {
            one.into_iter()
                .filter(|level| two.contains(level))
                .collect()
        };
        let budget = self.budget.zip(other.budget);
        let budget = budget.map(|(one, two)| (one.0.max(two.0), one.1.min(two.1)));
        Self {
            context: least(self.context, other.context),
            max_output: least(self.max_output, other.max_output),
            input: self
                .input
                .zip(other.input)
                .map(|(one, two)| one.intersection(&two).copied().collect()),
            tools: both(self.tools, other.tools),
            reasoning: both(self.reasoning, other.reasoning),
            levels: kept(self.levels, &other.levels),
            budget: budget.filter(|(least, most)| least <= most),
            adaptive: self.adaptive && other.adaptive,
            json_schema: both(self.json_schema, other.json_schema),
            dialects: self
                .dialects
                .into_iter()
                .filter(|dialect| other.dialects.contains(dialect))
                .collect(),
            price: self
                .price
                .filter(|price| other.price.as_ref() == Some(price)),
            created_s: None,
            live: self.live && other.live,
            ..Self::default()
        }
    }
}

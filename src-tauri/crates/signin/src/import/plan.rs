use std::collections::BTreeSet;

use byokey_catalog::{Catalog, Import, Provider, Route};
use byokey_vault::{Account, Fields, Vault};
use jiff::Timestamp;

use super::form::{self, Held, Read};
use super::place::{Beside, Piece, fetch, places};
use super::spot::Spot;
use super::{Found, FoundKind, ImportVerdict, Machine, Unread, environment};
use crate::{Overrides, SigninError};

/// Finds what can be taken from this machine, and takes it. All calls block: they read files and
/// databases, ask the keychain (5 s at most, a minute if the machine is interactive) and run
/// programs (10 s at most).
pub struct Importer<'a> {
    /// Where to look.
    pub machine: &'a Machine,
    /// The catalogue in force.
    pub catalog: &'a Catalog,
    /// The accounts that are there already; without it nothing is known of them, and nothing can
    /// be taken.
    pub vault: Option<&'a Vault>,
    /// What the user's configuration says of a provider.
    pub overrides: &'a (dyn Fn(&str) -> Overrides + Sync),
    /// What time it is.
    pub now: Timestamp,
}

/// The name under which the environment's keys are asked for.
pub(super) const ENVIRONMENT: &str = "env";

/// Something found, with its secret.
pub(super) struct Candidate {
    pub(super) found: Found,
    /// Where it lies; `None` for a key of the environment.
    pub(super) spot: Option<Spot>,
    /// What was read; absent where nothing usable was.
    pub(super) read: Option<Read>,
    /// Values beside the credential.
    pub(super) fields: Fields,
}

/// The names by which a person asks for sources.
pub fn import_sources(catalog: &Catalog) -> BTreeSet<&str> {
    let routes = catalog.providers().flat_map(|provider| &provider.routes);
    let imports = routes.flat_map(|route| &route.imports);
    imports
        .map(|import| import.source.as_str())
        .chain([ENVIRONMENT])
        .collect()
}

impl Importer<'_> {
    /// What the named sources hold; no names mean all sources. Nothing is changed anywhere.
    ///
    /// # Errors
    /// [`SigninError::UnknownSource`], and when the vault cannot be read.
    pub fn plan(&self, sources: &[&str]) -> Result<Vec<Found>, SigninError> {
        let candidates = self.candidates(sources)?;
        Ok(candidates.into_iter().map(|it| it.found).collect())
    }

    pub(super) fn candidates(&self, sources: &[&str]) -> Result<Vec<Candidate>, SigninError> {
        let known = import_sources(self.catalog);
        if let Some(unknown) = sources.iter().find(|name| !known.contains(**name)) {
            return Err(SigninError::UnknownSource {
                name: (*unknown).to_owned(),
                known: Vec::from_iter(known).join(", "),
            });
        }
        let wanted = |name: &str| sources.is_empty() || sources.contains(&name);
        let held = self.held()?;
        let mut found = Vec::new();
        for provider in self.catalog.providers() {
            let overrides = (self.overrides)(&provider.id);
            let row = Row {
                provider,
                retired_too: overrides.allow_retired,
                importer: self,
                held: &held,
            };
            for route in &provider.routes {
                let imports = route.imports.iter().filter(|it| wanted(&it.source));
                imports.for_each(|import| row.look(route, import, &mut found));
            }
            if wanted(ENVIRONMENT) {
                found.extend(environment::keys(&row));
            }
        }
        Ok(without_echoes(found))
    }

    /// The accounts there are, and which notices were accepted.
    fn held(&self) -> Result<Holdings, SigninError> {
        let Some(vault) = self.vault else {
            return Ok(Holdings::default());
        };
        let notices = vault.notices()?;
        Ok(Holdings {
            accounts: vault.accounts()?,
            accepted: notices.into_iter().map(|it| (it.id, it.version)).collect(),
        })
    }
}

/// What the vault holds.
#[derive(Default)]
pub(super) struct Holdings {
    pub(super) accounts: Vec<Account>,
    pub(super) accepted: BTreeSet<(String, u32)>,
}

/// A provider with what decides about things found for it.
pub(super) struct Row<'a> {
    pub(super) provider: &'a Provider,
    pub(super) retired_too: bool,
    pub(super) importer: &'a Importer<'a>,
    pub(super) held: &'a Holdings,
}

impl Row<'_> {
    /// Looks into the places of one import. Of several forms of one place the newest counts.
    fn look(&self, route: &Route, import: &Import, found: &mut Vec<Candidate>) {
        let machine = self.importer.machine;
        for group in places(import, machine) {
            for at in group {
                let pieces = match fetch(&at, import.form, machine) {
                    Err(Unread::Missing) => continue,
                    pieces => pieces,
                };
                match pieces {
                    Ok(pieces) => {
                        for piece in pieces {
                            self.read(route, import, piece, found);
                        }
                    }
                    // A program that has no login to print is as good as not there.
                    Err(Unread::SignedOut) => {}
                    Err(unread) => {
                        let (form, entry) = (import.form, String::new());
                        let spot = Spot { form, at, entry };
                        found.push(self.unread(route, import, spot, false, unread));
                    }
                }
                break;
            }
        }
    }

    fn read(&self, route: &Route, import: &Import, piece: Piece, found: &mut Vec<Candidate>) {
        let beside = Beside {
            machine: self.importer.machine,
            at: &piece.at,
        };
        let spot = |entry: &str| Spot {
            form: import.form,
            at: piece.at.clone(),
            entry: entry.to_owned(),
        };
        match form::read(import.form, import.entry.as_deref(), &piece, &beside) {
            Err(Unread::Missing) => {}
            Err(unread) => {
                let spot = spot(&piece.name);
                found.push(self.unread(route, import, spot, piece.open_to_others, unread));
            }
            Ok(reads) => {
                for mut read in reads {
                    if !piece.name.is_empty() {
                        read.entry.clone_from(&piece.name);
                    }
                    read.who.label = piece.label.clone().or(read.who.label);
                    let spot = spot(&read.entry);
                    found.push(self.login(route, import, spot, piece.open_to_others, read));
                }
            }
        }
    }

    fn unread(
        &self,
        route: &Route,
        import: &Import,
        spot: Spot,
        open_to_others: bool,
        unread: Unread,
    ) -> Candidate {
        let verdict = match unread {
            Unread::SignedOut => ImportVerdict::SignedOut,
            unread => ImportVerdict::Unusable {
                why: unread.to_string(),
            },
        };
        let verdict = self.retired(route).unwrap_or(verdict);
        let kind = FoundKind::Follow;
        let mut found = self.found(route, kind, &spot.to_string(), verdict);
        found.source.clone_from(&import.source);
        found.owner = Some(import.owner.clone());
        found.place = spot.at.shown(self.importer.machine);
        found.open_to_others = open_to_others;
        Candidate {
            found,
            spot: Some(spot),
            read: None,
            fields: Fields::new(),
        }
    }

    fn login(
        &self,
        route: &Route,
        import: &Import,
        spot: Spot,
        open_to_others: bool,
        read: Read,
    ) -> Candidate {
        let (kind, route, verdict) = match &read.held {
            Held::Key(key) => {
                let (route, verdict) = self.judge_key(route, key);
                (FoundKind::Key, route, verdict)
            }
            Held::Tokens { .. } => {
                let kind = match spot.at {
                    // Nobody renews a variable, and other processes do not see it.
                    super::place::At::Env(_) => FoundKind::Token,
                    _ => FoundKind::Follow,
                };
                let verdict = self.judge_login(route, import, &spot, kind, &read);
                (kind, route, verdict)
            }
        };
        let mut found = self.found(route, kind, &spot.to_string(), verdict);
        found.source.clone_from(&import.source);
        found.owner = Some(import.owner.clone());
        found.place = spot.at.shown(self.importer.machine);
        found.label.clone_from(&read.who.label);
        found.plan.clone_from(&read.who.plan);
        found.expires = read.expires();
        found.open_to_others = open_to_others;
        let names = self.provider.fields.iter().map(|field| &field.name);
        let fields = names
            .filter_map(|name| Some((name.clone(), read.extra.get(name)?.clone())))
            .collect();
        Candidate {
            found,
            spot: Some(spot),
            read: Some(read),
            fields,
        }
    }

    /// What is known before anything is read.
    pub(super) fn found(
        &self,
        route: &Route,
        kind: FoundKind,
        spot: &str,
        verdict: ImportVerdict,
    ) -> Found {
        Found {
            id: format!("{}/{} {spot}", self.provider.id, route.id),
            source: String::new(),
            owner: None,
            place: String::new(),
            provider: self.provider.id.clone(),
            provider_name: self.provider.name.clone(),
            route: route.id.clone(),
            kind,
            label: None,
            plan: None,
            expires: None,
            standing: route.standing,
            open_to_others: false,
            verdict,
        }
    }
}

/// Owners keep one login in several places, and old ones lie about beside new ones. Of one token
/// the first place counts, and of an owner with a good login the ended ones say nothing.
fn without_echoes(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let echo = kept
            .iter()
            .any(|other| match (&other.read, &candidate.read) {
                (Some(one), Some(two)) => {
                    let same_token = one.secret().expose() == two.secret().expose();
                    same_token && other.found.provider == candidate.found.provider
                }
                // A place that several providers share is unreadable once.
                (None, None) => {
                    let (one, two) = (&other.found, &candidate.found);
                    (&one.owner, &one.place) == (&two.owner, &two.place)
                }
                _ => false,
            });
        if !echo {
            kept.push(candidate);
        }
    }
    let of = |found: &Found| (found.provider.clone(), found.owner.clone());
    let good: BTreeSet<_> = kept
        .iter()
        .filter(|it| it.found.verdict.is_good() && it.found.kind == FoundKind::Follow)
        .map(|it| of(&it.found))
        .collect();
    kept.retain(|it| {
        let ended = matches!(
            it.found.verdict,
            ImportVerdict::Expired { .. } | ImportVerdict::SignedOut
        );
        !(ended && good.contains(&of(&it.found)))
    });
    kept
}

//! From a model name to the accounts that do something else than talk with it.

use std::collections::HashMap;
use std::sync::Arc;

use byokey_catalog::Price;
use byokey_wire::{Asks, Dialect, Fault, FaultKind, Shape, Task};
use parking_lot::Mutex;

use super::{Known, REMEMBERED, Resolved, Wanted as Named};
use crate::media::Wanted;
use crate::roster::{Seat, ServiceLine};

/// One way to serve a media request.
pub(crate) struct Served {
    pub(crate) seat: Arc<Seat>,
    /// Which of the seat's services.
    at: usize,
    /// The provider's name of the model.
    pub(crate) model: String,
    pub(crate) price: Option<Price>,
}

impl Served {
    /// The service.
    pub(crate) fn line(&self) -> &ServiceLine {
        &self.seat.direct.services[self.at]
    }
}

/// Answers already found.
pub(super) type ServedBefore = Mutex<HashMap<(Task, Asks, String), Arc<[Served]>>>;

impl Resolved {
    /// The accounts that do what is wanted with a model, first choice first; never empty.
    ///
    /// # Errors
    /// When no such model is known, or no account does that with it.
    pub(crate) fn served(
        &self,
        known: Known<'_>,
        wanted: &Wanted,
        name: &str,
    ) -> Result<Arc<[Served]>, Fault> {
        let key = (wanted.task, wanted.asks, name.to_owned());
        if let Some(found) = self.served.lock().get(&key) {
            return Ok(found.clone());
        }
        let found: Arc<[Served]> = known.served(wanted, name)?.into();
        let mut remembered = self.served.lock();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, found.clone());
        Ok(found)
    }
}

impl<'a> Known<'a> {
    fn served(self, wanted: &Wanted, name: &'a str) -> Result<Vec<Served>, Fault> {
        let single = [name.to_owned()];
        let names = self.config.models.aliases.get(name);
        let names = names.map_or(&single[..], Vec::as_slice);
        let mut found = Vec::new();
        let mut first_fault = None;
        for name in names {
            match self.one_served(wanted, name) {
                Ok(more) => found.extend(more),
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        match first_fault {
            Some(fault) if found.is_empty() => Err(fault),
            _ => Ok(found),
        }
    }

    fn one_served(self, wanted: &Wanted, name: &str) -> Result<Vec<Served>, Fault> {
        let readings = self.wanted(name);
        if readings.is_empty() {
            return Err(self.unknown(name));
        }
        let mut found = Vec::new();
        for seat in &self.roster.seats {
            let reading = readings.iter().find(|reading| {
                reading.provider.id == seat.account.provider
                    && reading.account.is_none_or(|name| name == seat.account.name)
            });
            found.extend(reading.and_then(|reading| service(seat, reading, wanted)));
        }
        if found.is_empty() {
            return Err(self.nobody_does(&readings, wanted.task));
        }
        Ok(found)
    }

    fn nobody_does(self, readings: &[Named<'_>], task: Task) -> Fault {
        let seated = readings.iter().find(|reading| {
            let mut seats = self.roster.seats.iter();
            seats.any(|seat| seat.account.provider == reading.provider.id)
        });
        let Some(reading) = seated else {
            return self.nobody(readings, Dialect::Chat);
        };
        let message = format!(
            "your accounts of {} offer no {} with `{}`",
            reading.provider.name,
            task.name(),
            reading.model
        );
        let mut fault = Fault::new(FaultKind::BadRequest, message);
        fault.param = Some("model".into());
        fault
    }
}

/// How a seat does what is wanted, if it can: the caller's own form goes first.
fn service(seat: &Arc<Seat>, named: &Named<'_>, wanted: &Wanted) -> Option<Served> {
    let lines = seat.direct.services.iter().enumerate();
    let fits = lines.filter(|(_, line)| {
        let service = &line.service;
        let reachable = match wanted.asks {
            Asks::OpenAi => true,
            Asks::GeminiOne | Asks::GeminiMany => {
                matches!(service.shape, Shape::OpenAi | Shape::Gemini)
            }
        };
        service.task == wanted.task && service.serves(named.model) && reachable
    });
    let own = match wanted.asks {
        Asks::OpenAi => Shape::OpenAi,
        Asks::GeminiOne | Asks::GeminiMany => Shape::Gemini,
    };
    let (at, _) = fits.min_by_key(|(_, line)| line.service.shape != own)?;
    let model = named.provider.model(named.model);
    Some(Served {
        seat: seat.clone(),
        at,
        model: named.model.to_owned(),
        price: model.and_then(|model| model.price.clone()),
    })
}

//! Live lists of models: what the providers say their accounts may use.
//!
//! A list is asked for when somebody wants to see models or names one that no row knows, never at
//! the start and never while a request waits that could be served without it. What was read stays;
//! it is read anew when it is wanted and old. A provider that does not answer has the catalogue's
//! list in the meantime.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use byokey_catalog::{ListShape, LiveModel};
use byokey_signin::Token;
use byokey_vault::AccountId;
use byokey_wire::Fault;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::engine::{Shared, View};
use crate::feed::{Feed, Outgoing};
use crate::roster::{Seat, Signature};
use crate::upstream::NoHead;

/// A list is read anew after this long, if it is wanted.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// A provider that did not answer is asked again after this long, if its list is wanted.
const AGAIN: Duration = Duration::from_secs(60);
/// Longest wait for a provider's whole list.
const SLOWEST: Duration = Duration::from_secs(15);
/// Longest list read, in bytes. The longest known one has about 2 MB.
const LONGEST: usize = 16 << 20;

/// The call by which an account's provider lists its models.
#[derive(Clone)]
pub(crate) struct ListCall {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) signature: Option<Signature>,
    pub(crate) shape: ListShape,
}

/// One account's list, sorted by id.
#[derive(Debug, Default)]
pub(crate) struct List(Vec<LiveModel>);

impl List {
    fn of(mut models: Vec<LiveModel>) -> Self {
        models.sort_by(|left, right| left.id.cmp(&right.id));
        models.dedup_by(|left, right| left.id == right.id);
        Self(models)
    }

    /// The models.
    pub(crate) fn models(&self) -> &[LiveModel] {
        &self.0
    }

    /// The model with this id, or the one that differs from it by a date alone: providers list dated
    /// ids and take the short ones, or the other way round.
    pub(crate) fn get(&self, name: &str) -> Option<&LiveModel> {
        let exact = self.0.binary_search_by(|model| (*model.id).cmp(name));
        if let Ok(at) = exact {
            return Some(&self.0[at]);
        }
        let plain = byokey_catalog::undated(name);
        self.0.iter().rev().find(|model| {
            plain == Some(&*model.id) || byokey_catalog::undated(&model.id) == Some(name)
        })
    }
}

/// All lists as they stood at one moment, by account and address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists(HashMap<AccountId, (Uri, Arc<List>)>);

impl Lists {
    /// The list of this account, if one was read from the address it has now.
    pub(crate) fn of(&self, seat: &Seat) -> Option<&List> {
        let call = seat.list.as_ref()?;
        let (uri, list) = self.0.get(&seat.account.id)?;
        (*uri == call.uri).then_some(&**list)
    }

    /// The same with one more list.
    fn with(&self, account: AccountId, uri: Uri, list: List) -> Self {
        let mut lists = self.0.clone();
        lists.insert(account, (uri, Arc::new(list)));
        Self(lists)
    }
}

/// Who was asked when.
#[derive(Debug)]
pub(crate) struct Asking {
    asked: Mutex<HashMap<(AccountId, Uri), Try>>,
    /// Rises whenever a call has ended.
    ended: watch::Sender<u64>,
}

/// The last call for one list.
#[derive(Clone, Copy, Debug)]
struct Try {
    at: Instant,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Read,
    Failed,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            ended: watch::channel(0).0,
        }
    }
}

impl Asking {
    /// Whether the list should be asked for now; if so the call counts as running.
    fn begin(&self, key: &(AccountId, Uri), now: Instant) -> bool {
        let mut asked = self.asked.lock();
        let due = asked.get(key).is_none_or(|last| match last.state {
            State::Running => false,
            State::Read => now.duration_since(last.at) >= FRESH,
            State::Failed => now.duration_since(last.at) >= AGAIN,
        });
        if due {
            let state = State::Running;
            asked.insert(key.clone(), Try { at: now, state });
        }
        due
    }

    fn end(&self, key: (AccountId, Uri), state: State) {
        let at = Instant::now();
        self.asked.lock().insert(key, Try { at, state });
        self.ended.send_modify(|count| *count += 1);
    }

    /// Whether a call runs whose account has no list yet.
    fn awaited(&self, view: &View) -> bool {
        let asked = self.asked.lock();
        view.roster.seats.iter().any(|seat| {
            let key = seat
                .list
                .as_ref()
                .map(|call| (seat.account.id, call.uri.clone()));
            let running = key
                .and_then(|key| asked.get(&key).copied())
                .is_some_and(|last| last.state == State::Running);
            running && view.lists.of(seat).is_none()
        })
    }
}

impl Shared {
    /// Asks for all lists that are missing or old, and waits at most `budget` for those that are
    /// missing. Whatever comes later is there for the next one who looks. Returns what requests see
    /// then.
    pub(crate) async fn look_up_models(self: &Arc<Self>, budget: Duration) -> Arc<View> {
        let until = Instant::now() + budget;
        let mut ended = self.asking.ended.subscribe();
        let view = self.view();
        for seat in &view.roster.seats {
            let Some(call) = &seat.list else { continue };
            let key = (seat.account.id, call.uri.clone());
            if self.asking.begin(&key, Instant::now()) {
                tokio::spawn(self.clone().read_list(key, call.clone(), seat.clone()));
            }
        }
        loop {
            let view = self.view();
            if !self.asking.awaited(&view) {
                return view;
            }
            let news = tokio::time::timeout_at(until, ended.changed()).await;
            if !matches!(news, Ok(Ok(()))) {
                return self.view();
            }
        }
    }

    async fn read_list(self: Arc<Self>, key: (AccountId, Uri), call: ListCall, seat: Arc<Seat>) {
        let read = tokio::time::timeout(SLOWEST, self.fetch_list(&call, &seat)).await;
        let account = format!("{}/{}", seat.account.provider, seat.account.name);
        match read.unwrap_or_else(|_| Err("it did not answer in time".to_owned())) {
            Ok(models) => {
                let (id, uri) = key.clone();
                let list = List::of(models);
                self.change_view(|view| view.lists = Arc::new(view.lists.with(id, uri, list)))
                    .await;
                self.asking.end(key, State::Read);
            }
            Err(reason) => {
                tracing::info!(%account, %reason, "no live list of models");
                self.asking.end(key, State::Failed);
            }
        }
    }

    async fn fetch_list(&self, call: &ListCall, seat: &Seat) -> Result<Vec<LiveModel>, String> {
        let words = |fault: Fault| fault.message;
        let provider = &seat.account.provider;
        let token = seat.token(&self.keeper).await.map_err(words)?;
        let mut response = self.ask_for_list(call, token.as_deref(), provider).await?;
        if let Some(used) = token.filter(|_| response.status() == StatusCode::UNAUTHORIZED) {
            let refused = "it does not take this token";
            let another = seat.another(&self.keeper, &used, refused).await;
            let another = another.map_err(words)?;
            response = self
                .ask_for_list(call, another.as_deref(), provider)
                .await?;
        }
        if !response.status().is_success() {
            return Err(format!(
                "it answered with status {}",
                response.status().as_u16()
            ));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|_| "its list broke off or has no end".to_owned())?;
        let models = call.shape.read(&body.to_bytes());
        models.ok_or_else(|| "its list has an unknown form".to_owned())
    }

    async fn ask_for_list(
        &self,
        call: &ListCall,
        token: Option<&Token>,
        provider: &str,
    ) -> Result<Response<Incoming>, String> {
        let mut request = Request::new(Outgoing::Whole(None));
        *request.uri_mut() = call.uri.clone();
        *request.headers_mut() = call.headers.clone();
        if call.shape == ListShape::Antigravity {
            *request.method_mut() = Method::POST;
            *request.body_mut() = Outgoing::Whole(Some(Bytes::from_static(b"{}")));
        }
        if let (Some(signature), Some(token)) = (&call.signature, token) {
            let signed = signature.sign(token, request.headers_mut());
            signed.map_err(|fault| fault.message)?;
            *request.uri_mut() = signature.address(token, &call.uri);
        }
        let view = self.view();
        let upstream = view.upstream(provider);
        let response = upstream.send(request, &Feed::nothing(), SLOWEST).await;
        response.map_err(|none| match none {
            NoHead::Caller(fault) | NoHead::Unreachable(fault) | NoHead::Silent(fault) => {
                fault.message
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str) -> LiveModel {
        LiveModel {
            id: id.to_owned(),
            ..LiveModel::default()
        }
    }

    #[test]
    fn a_date_more_or_less_is_the_same_model() {
        let list = List::of(
            ["b", "claude-x-20260101", "claude-x-20260301", "gpt-y"]
                .map(named)
                .into(),
        );
        let id = |name| list.get(name).map(|model| model.id.as_str());
        assert_eq!(id("b"), Some("b"));
        assert_eq!(id("claude-x"), Some("claude-x-20260301"));
        assert_eq!(id("gpt-y-2026-01-01"), Some("gpt-y"));
        assert_eq!(id("gpt"), None);
    }

    #[test]
    fn a_list_is_asked_for_once_and_again_when_it_is_old() {
        let asking = Asking::default();
        let key = (AccountId(1), Uri::from_static("http://127.0.0.1/models"));
        let now = Instant::now();
        assert!(asking.begin(&key, now));
        assert!(!asking.begin(&key, now + 2 * FRESH), "it runs");
        for (state, pause) in [(State::Read, FRESH), (State::Failed, AGAIN)] {
            asking.end(key.clone(), state);
            assert!(!asking.begin(&key, now + pause / 2), "{state:?}");
            assert!(asking.begin(&key, Instant::now() + pause), "{state:?}");
        }
    }
}

//! Calls about an earlier response: reading it, its items, forgetting it.
//!
//! What byokey keeps it answers itself. What a provider stored is asked for there, with the account
//! that holds it and no other.

use std::sync::Arc;

use axum::body::Body;
use byokey_vault::AccountId;
use byokey_wire::{Dialect, Fault, FaultKind, read_error};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use crate::USER_AGENT;
use crate::engine::{Shared, View};
use crate::feed::{Feed, Outgoing};
use crate::respond;
use crate::stored::{Kept, Known, Owner};
use crate::upstream::NoHead;

/// Longest reply of a provider that is passed on.
const LONGEST: usize = 64 << 20;

/// What is asked about a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recall {
    /// The response.
    pub(crate) id: String,
    /// What about it.
    pub(crate) what: What,
}

/// What is asked about a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The response itself, by GET or DELETE.
    Itself,
    /// The items it was made from.
    InputItems,
    /// That it be stopped.
    Cancel,
}

impl Recall {
    /// The call at a path behind `/v1/responses/`.
    pub(crate) fn at(rest: &str) -> Option<Self> {
        let (id, what) = match rest.split_once('/') {
            None => (rest, What::Itself),
            Some((id, "input_items")) => (id, What::InputItems),
            Some((id, "cancel")) => (id, What::Cancel),
            Some(_) => return None,
        };
        // It goes into an address of the provider.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let sound = !id.is_empty() && id.bytes().all(plain);
        sound.then(|| Self {
            id: id.to_owned(),
            what,
        })
    }

    /// Answers the call.
    ///
    /// # Errors
    /// When nothing is known of the response, or its provider cannot be asked.
    pub(crate) async fn serve(
        &self,
        shared: &Arc<Shared>,
        view: &View,
        owner: Owner,
        parts: &Parts,
    ) -> Result<Response<Body>, Fault> {
        let known = shared.stored.get(owner, &self.id);
        match known.map_err(|_| unknown(&self.id))? {
            Known::Kept(kept) => self.of_memory(shared, owner, parts, &kept),
            Known::Bound(account) => {
                let response = self.of_provider(shared, view, account, parts).await?;
                if parts.method == Method::DELETE && response.status().is_success() {
                    shared.stored.remove(owner, &self.id);
                }
                Ok(response)
            }
        }
    }

    fn of_memory(
        &self,
        shared: &Shared,
        owner: Owner,
        parts: &Parts,
        kept: &Kept,
    ) -> Result<Response<Body>, Fault> {
        let body = match self.what {
            What::Itself if parts.method == Method::DELETE => {
                shared.stored.remove(owner, &self.id);
                let body = json!({ "id": self.id, "object": "response", "deleted": true });
                body.to_string().into()
            }
            What::Itself => kept.response.clone(),
            What::InputItems => items(&kept.input, parts.uri.query().unwrap_or_default()),
            What::Cancel => {
                return Err(Fault::new(
                    FaultKind::BadRequest,
                    "only a response made in the background can be cancelled, and byokey makes \
                     none there; close the connection to stop one",
                ));
            }
        };
        Ok(respond::json(StatusCode::OK.as_u16(), body))
    }

    async fn of_provider(
        &self,
        shared: &Shared,
        view: &View,
        account: AccountId,
        parts: &Parts,
    ) -> Result<Response<Body>, Fault> {
        let seat = view.roster.seats.iter().find(|it| it.account.id == account);
        let seat = seat.ok_or_else(|| unknown(&self.id))?;
        let line = seat
            .lines
            .iter()
            .find(|line| line.dialect == Dialect::Responses)
            .ok_or_else(|| unknown(&self.id))?;
        let mut url = line.endpoint.url(line.base.as_deref(), "", false);
        url.push('/');
        url.push_str(&self.id);
        url.push_str(match self.what {
            What::Itself => "",
            What::InputItems => "/input_items",
            What::Cancel => "/cancel",
        });
        if let Some(query) = parts.uri.query() {
            url.push('?');
            url.push_str(query);
        }
        let mut request = Request::new(Outgoing::Whole(None));
        *request.uri_mut() = url.parse().map_err(|_| unknown(&self.id))?;
        *request.method_mut() = parts.method.clone();
        *request.headers_mut() = line.headers.clone();
        let own = HeaderValue::from_static(USER_AGENT);
        request.headers_mut().insert(header::USER_AGENT, own);
        let token = seat.token(&shared.keeper).await?;
        if let (Some(signature), Some(token)) = (&line.signature, &token) {
            signature.sign(token, request.headers_mut())?;
        }

        let wait = view.config.timeouts.headers();
        let upstream = view.upstream(&seat.account.provider);
        let sent = upstream.send(request, &Feed::nothing(), wait).await;
        let response = sent.map_err(|no_head| match no_head {
            NoHead::Caller(fault) | NoHead::Unreachable(fault) | NoHead::Silent(fault) => fault,
        })?;
        let (head, body) = response.into_parts();
        let read = Limited::new(body, LONGEST).collect();
        let body = tokio::time::timeout(view.config.timeouts.headers(), read).await;
        let Ok(Ok(body)) = body else {
            return Err(Fault::new(
                FaultKind::Upstream,
                "the provider's reply broke off",
            ));
        };
        let body = body.to_bytes();
        let mut fault = read_error(Dialect::Responses, head.status.as_u16(), &body);
        if !head.status.is_success() && fault.kind == FaultKind::AccountAuth {
            let account = &seat.account;
            fault.message = format!("{}/{}: {}", account.provider, account.name, fault.message);
            return Err(fault);
        }
        let mut response = respond::json(head.status.as_u16(), body);
        respond::take_headers(&head.headers, response.headers_mut());
        let headers = response.headers_mut();
        headers.insert(respond::ROUTE, seat.label.clone());
        Ok(response)
    }
}

/// A page of the items a response was made from, the newest first unless asked otherwise.
fn items(input: &[Bytes], query: &str) -> Bytes {
    let asked = |name: &str| {
        query
            .split('&')
            .filter_map(|member| member.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    };
    let mut items: Vec<Value> = input
        .iter()
        .enumerate()
        .filter_map(|(nth, item)| {
            let mut item: Value = serde_json::from_slice(item).ok()?;
            // Pages go from id to id, and callers need not send any.
            let object = item.as_object_mut()?;
            object
                .entry("id")
                .or_insert_with(|| format!("item_{nth}").into());
            Some(item)
        })
        .collect();
    if asked("order") != Some("asc") {
        items.reverse();
    }
    let after = asked("after").and_then(|id| items.iter().position(|item| item["id"] == id));
    let mut page = items.split_off(after.map_or(0, |at| at + 1));
    let most = asked("limit").and_then(|limit| limit.parse().ok());
    let most: usize = most.unwrap_or(20).clamp(1, 100);
    let has_more = page.len() > most;
    page.truncate(most);
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    let list = json!({
        "object": "list",
        "first_id": id(page.first()),
        "last_id": id(page.last()),
        "has_more": has_more,
        "data": page,
    });
    list.to_string().into()
}

fn unknown(id: &str) -> Fault {
    let mut fault = Fault::new(
        FaultKind::UnknownResponse,
        format!("no response `{id}` is known to byokey for this client key"),
    );
    fault.param = Some("response_id".into());
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_from_the_path_are_plain() {
        let at = |rest: &str| Recall::at(rest).map(|call| (call.id, call.what));
        assert_eq!(at("resp_1-a"), Some(("resp_1-a".into(), What::Itself)));
        assert_eq!(at("r/input_items"), Some(("r".into(), What::InputItems)));
        assert_eq!(at("r/cancel"), Some(("r".into(), What::Cancel)));
        for wrong in ["", "/cancel", "r/x", "..", "%2e", "a/b/cancel"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn items_come_in_pages() {
        let input: Vec<_> = (0..3)
            .map(|nth| Bytes::from(format!(r#"{{"type":"message","content":"{nth}"}}"#)))
            .collect();
        let page =
            |query: &str| -> Value { serde_json::from_slice(&items(&input, query)).unwrap() };
        let all = page("");
        assert_eq!(
            (&all["data"][0]["content"], &all["has_more"]),
            (&"2".into(), &false.into())
        );
        let first = page("order=asc&limit=2");
        assert_eq!(
            (&first["last_id"], &first["has_more"]),
            (&"item_1".into(), &true.into())
        );
        let rest = page("order=asc&limit=2&after=item_1");
        assert_eq!(
            (&rest["data"][0]["content"], &rest["has_more"]),
            (&"2".into(), &false.into())
        );
    }
}

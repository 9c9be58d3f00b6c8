use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Hidden, Moment, Read, Unread, json};

/// A login or a key; for Copilot the long-lived token stands where others have the refresh token.
#[derive(Deserialize)]
struct Item {
    r#type: Option<String>,
    key: Option<Hidden>,
    access: Option<Hidden>,
    refresh: Option<Hidden>,
    expires: Option<Moment>,
    #[serde(rename = "accountId")]
    account_id: Option<String>,
}

/// `auth.json`: one item per provider. Those that nobody asked for may have any form.
pub(super) fn read(bytes: &[u8], entry: Option<&str>) -> Result<Read, Unread> {
    let mut items: BTreeMap<String, &RawValue> =
        serde_json::from_slice(bytes).map_err(|_| Unread::NotUnderstood)?;
    let item = entry.and_then(|entry| items.remove(entry));
    let item: Item = json(item.ok_or(Unread::Missing)?.get().as_bytes())?;
    if item.r#type.as_deref() == Some("api") {
        let key = Hidden::or_nothing(item.key).ok_or(Unread::SignedOut)?;
        return Ok(Read::key(key));
    }
    let expires = Moment::or_none(item.expires);
    let refresh = Hidden::or_nothing(item.refresh);
    let read = match (expires, refresh) {
        // A login that does not run out is used as it is.
        (None, Some(lasting)) => Read::tokens(lasting, None, None),
        (expires, refresh) => {
            let access = Hidden::or_nothing(item.access).ok_or(Unread::SignedOut)?;
            Read::tokens(access, refresh, expires)
        }
    };
    Ok(read.with("account_id", item.account_id))
}

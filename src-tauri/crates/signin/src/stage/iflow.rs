//! iFlow: a login is good for one call, which hands out the key that requests carry.

use byokey_vault::{SecondToken, Secret, TokenSet};
use reqwest::Url;
use serde::Deserialize;

use super::{Found, StageCall, StageTrouble, said};
use crate::Identity;

const USER_INFO: &str = "https://iflow.cn/api/oauth/getUserInfo";

/// Gets the key and whose it is. The service takes the token in the query and nowhere else; no error
/// of this call holds its address.
pub(super) async fn complete(
    call: &StageCall<'_>,
    set: &mut TokenSet,
) -> Result<Found, StageTrouble> {
    let mut url: Url = call
        .overrides
        .url(USER_INFO)
        .map_err(StageTrouble::passing)?;
    url.query_pairs_mut()
        .append_pair("accessToken", set.access.expose());
    let ask = crate::call::Call::to(call.http, call.overrides, url);
    let answer = ask.map_err(StageTrouble::passing)?.get().await;
    let answer = answer.map_err(StageTrouble::passing)?;
    if answer.status != 200 {
        return Err(call.trouble(&answer, set));
    }
    let body = answer.body().map_err(StageTrouble::passing)?;
    let given: Given = serde_json::from_slice(body)
        .map_err(|_| StageTrouble::passing(answer.unclear("it is not what was asked for")))?;
    let (true, Some(data)) = (given.success, given.data) else {
        let words = format!("{} gave no key: {}", call.provider.name, said(&answer, set));
        return Err(StageTrouble::SignIn { words });
    };
    if data.api_key.is_empty() {
        let words = format!("{} has no key for this account", call.provider.name);
        return Err(StageTrouble::Blocked { words });
    }
    set.second = Some(SecondToken {
        token: Secret::new(data.api_key),
        expires: None,
        due: None,
    });
    let names = [data.email, data.phone].into_iter().flatten();
    let name = names
        .map(|it| it.trim().to_owned())
        .find(|it| !it.is_empty());
    Ok(Found {
        identity: name.map(|name| Identity {
            subject: name.clone(),
            label: Some(name),
            plan: None,
        }),
        ..Found::default()
    })
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    success: bool,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    api_key: String,
    email: Option<String>,
    phone: Option<String>,
}

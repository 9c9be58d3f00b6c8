//! GitHub Copilot: the sign-in's token is exchanged for one of half an hour where GitHub allows that,
//! and sent as it is where it does not (404, the usual answer to an OAuth App of one's own).

use byokey_vault::{SecondToken, Secret, TokenSet};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{API_BASE, Found, StageCall, StageTrouble, plain};
use crate::call::Answer;

const EXCHANGE: &str = "https://api.github.com/copilot_internal/v2/token";
const USER: &str = "https://api.github.com/copilot_internal/user";
/// So long before GitHub wants the next exchange, it is done.
const LEAD_S: i64 = 60;
/// When it is wanted if GitHub does not say.
const USUAL_S: i64 = 1500;

/// Exchanges the token and asks for the plan.
pub(super) async fn complete(
    call: &StageCall<'_>,
    set: &mut TokenSet,
) -> Result<Found, StageTrouble> {
    exchange(call, set).await?;
    // The plan is for people; without it nothing fails.
    let user = user(call, set).await.ok().flatten();
    let plan = user.map(|user| {
        keep_base(call, set, user.endpoints);
        user.copilot_plan
    });
    Ok(Found {
        plan: plan.flatten(),
        ..Found::default()
    })
}

/// Gets the token that requests carry. Without one the sign-in's own is sent.
pub(super) async fn exchange(call: &StageCall<'_>, set: &mut TokenSet) -> Result<(), StageTrouble> {
    let now = Timestamp::now();
    let answer = ask(call, set, EXCHANGE).await?;
    match answer.status {
        200 => {
            let given: Given = read(&answer)?;
            let next =
                SignedDuration::from_secs(given.refresh_in.unwrap_or(USUAL_S).clamp(120, 86_400));
            let ends = now.checked_add(next).ok();
            let lead = SignedDuration::from_secs(LEAD_S);
            set.second = Some(SecondToken {
                token: Secret::new(given.token),
                expires: ends,
                due: ends.and_then(|ends| ends.checked_sub(lead).ok()),
            });
            keep_base(call, set, given.endpoints);
            Ok(())
        }
        404 => {
            set.second = None;
            Ok(())
        }
        403 => Err(refused(call, &answer, set)),
        _ => Err(call.trouble(&answer, set)),
    }
}

/// What GitHub says about a Copilot user.
async fn user(call: &StageCall<'_>, set: &TokenSet) -> Result<Option<User>, StageTrouble> {
    let answer = ask(call, set, USER).await?;
    match answer.status {
        200 => read(&answer).map(Some),
        _ => Ok(None),
    }
}

async fn ask(call: &StageCall<'_>, set: &TokenSet, url: &str) -> Result<Answer, StageTrouble> {
    let call = call.to(url)?;
    let call = call.authorized("token", &set.access);
    let call = call.and_then(|call| call.header("X-GitHub-Api-Version", "2025-04-01"));
    let call = call.map_err(StageTrouble::passing)?;
    call.get().await.map_err(StageTrouble::passing)
}

fn read<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, StageTrouble> {
    let body = answer.body().map_err(StageTrouble::passing)?;
    serde_json::from_slice(body)
        .map_err(|_| StageTrouble::passing(answer.unclear("there is no token in its answer")))
}

/// Requests go where GitHub has the account's plan, as long as that is GitHub's.
fn keep_base(call: &StageCall<'_>, set: &mut TokenSet, endpoints: Option<Endpoints>) {
    let api = endpoints.and_then(|endpoints| endpoints.api);
    let base = api.and_then(|api| call.overrides.named_base(call.provider, call.route, &api));
    if let Some(base) = base {
        set.extra.insert(API_BASE.to_owned(), base);
    }
}

/// GitHub's whole explanation: the id of the reason, its title, its text and its page.
fn refused(call: &StageCall<'_>, answer: &Answer, set: &TokenSet) -> StageTrouble {
    let no: Option<No> = answer
        .body()
        .ok()
        .and_then(|body| serde_json::from_slice(body).ok());
    let Some(No { message, details }) = no else {
        return call.trouble(answer, set);
    };
    let details = details.unwrap_or_default();
    // Without a reason of GitHub's own it may be a limit on requests, or somebody in between.
    let final_word = |id: &String| id != "server_error";
    if !details.notification_id.as_ref().is_some_and(final_word) {
        return StageTrouble::Passing {
            error: Box::new(answer.unclear("it refused without a reason")),
            retry_after: answer.retry_after,
        };
    }
    let said = [details.title, details.message.or(message), details.url];
    let said: Vec<String> = said
        .into_iter()
        .flatten()
        .filter(|it| !it.is_empty())
        .collect();
    let mut words = plain(&said.join(" "), set);
    if let Some(id) = details.notification_id {
        words = format!("{words} ({})", plain(&id, set));
    }
    StageTrouble::Blocked { words }
}

#[derive(Deserialize)]
struct Given {
    token: String,
    /// Seconds. Its neighbour `expires_at` is the server's clock and is not used.
    refresh_in: Option<i64>,
    endpoints: Option<Endpoints>,
}

#[derive(Deserialize)]
struct User {
    copilot_plan: Option<String>,
    endpoints: Option<Endpoints>,
}

#[derive(Deserialize)]
struct Endpoints {
    api: Option<String>,
}

#[derive(Deserialize)]
struct No {
    message: Option<String>,
    #[serde(rename = "error_details")]
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
struct Details {
    title: Option<String>,
    message: Option<String>,
    notification_id: Option<String>,
    url: Option<String>,
}

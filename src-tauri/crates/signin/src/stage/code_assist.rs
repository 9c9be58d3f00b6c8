//! Google Code Assist and Antigravity: the project that requests are made in. An account that has
//! none is enrolled in the plan Google offers it; nobody else's project is ever used.

mod reason;

use std::time::Duration;

use byokey_vault::TokenSet;
use serde::Deserialize;
use serde_json::{Value, json};

use self::reason::{Ineligible, explain};
use super::{Found, PROJECT, StageCall, StageTrouble, plain};
use crate::call::Answer;

/// Where plans are asked for. Enrolment goes to the row's own base, which may be another.
const PLANS: &str = "https://cloudcode-pa.googleapis.com";
const KIND: &str = "application/json";
/// What Google has for accounts that it offers nothing by name.
const LEGACY: &str = "legacy-tier";
/// Google wants no project of the user's for it.
const FREE: &str = "free-tier";
const BETWEEN: Duration = Duration::from_secs(5);
/// Two minutes of waiting for an enrolment.
const MOST_ASKED: usize = 24;

/// Finds the account's project.
pub(super) async fn complete(
    call: &StageCall<'_>,
    set: &mut TokenSet,
) -> Result<Found, StageTrouble> {
    let own = own_project(call);
    let plan = load(call, set, own.as_deref()).await?;
    let (project, name) = match &plan.current_tier {
        Some(tier) => {
            let project = plan.project.as_ref().and_then(Project::id).or(own);
            let project = match project {
                Some(project) => project,
                None => return Err(without_project(call, &plan.ineligible_tiers, set)),
            };
            (project, tier.name.clone().or_else(|| tier.id.clone()))
        }
        None => enrol(call, set, &plan, own).await?,
    };
    set.extra.insert(PROJECT.to_owned(), project);
    let paid = plan.paid_tier.and_then(|tier| tier.name.or(tier.id));
    Ok(Found {
        plan: paid.or(name),
        ..Found::default()
    })
}

/// The project that the person named for this account, or for this machine.
fn own_project(call: &StageCall<'_>) -> Option<String> {
    let variables = || {
        let mut fields = call.provider.fields.iter();
        let field = fields.find(|field| field.name == PROJECT)?;
        field.env.iter().find_map(|name| std::env::var(name).ok())
    };
    let given = call.fields.get(PROJECT).cloned().or_else(variables)?;
    let given = given.trim();
    (!given.is_empty()).then(|| given.to_owned())
}

async fn load(
    call: &StageCall<'_>,
    set: &TokenSet,
    project: Option<&str>,
) -> Result<Plan, StageTrouble> {
    let mut body = json!({ "metadata": metadata(project) });
    if let Some(project) = project {
        body["cloudaicompanionProject"] = project.into();
    }
    let url = format!("{}:loadCodeAssist", methods(call, PLANS));
    let answer = post(call, set, &url, &body).await?;
    match answer.status {
        200 => read(&answer),
        // A company's network rules hide its plan, which it must have then.
        403 if violates_policy(&answer) => Ok(Plan {
            current_tier: Some(Tier::named("standard-tier")),
            ..Plan::default()
        }),
        _ => Err(call.trouble(&answer, set)),
    }
}

/// Enrols the account in the plan that Google offers it, and waits until that is done.
async fn enrol(
    call: &StageCall<'_>,
    set: &TokenSet,
    plan: &Plan,
    own: Option<String>,
) -> Result<(String, Option<String>), StageTrouble> {
    let offered = plan.allowed_tiers.iter().find(|tier| tier.is_default);
    let legacy = Tier::named(LEGACY);
    let tier = match offered {
        Some(tier) => tier,
        None if plan.ineligible_tiers.is_empty() => &legacy,
        None => return Err(explain(call, &plan.ineligible_tiers, set)),
    };
    let id = tier.id.as_deref().unwrap_or(LEGACY);
    let sent = own.as_deref().filter(|_| id != FREE);
    let mut body = json!({ "tierId": id, "metadata": metadata(sent) });
    if let Some(project) = sent {
        body["cloudaicompanionProject"] = project.into();
    }
    let done = wait(call, set, &body).await?;
    if let Some(error) = done.error {
        let said = plain(&error.message.unwrap_or_default(), set);
        let words = format!("Google could not set the account up: {said}");
        return Err(StageTrouble::Blocked { words });
    }
    let project = done.response.and_then(|it| it.project);
    let project = project.as_ref().and_then(Project::id).or(own);
    let project = project.ok_or_else(|| without_project(call, &plan.ineligible_tiers, set))?;
    Ok((project, tier.name.clone().or_else(|| tier.id.clone())))
}

/// Starts the enrolment and asks for it until it is over. An operation without a name is asked for by
/// the same request again.
async fn wait(
    call: &StageCall<'_>,
    set: &TokenSet,
    body: &Value,
) -> Result<Operation, StageTrouble> {
    let endpoints = &mut call.provider.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.takes(&call.route.id));
    let row = endpoint.map_or(&call.provider.base_url, |endpoint| &endpoint.base_url);
    let base = methods(call, row);
    let mut answer = post(call, set, &format!("{base}:onboardUser"), body).await?;
    for _ in 0..MOST_ASKED {
        if answer.status != 200 {
            return Err(call.trouble(&answer, set));
        }
        let operation: Operation = read(&answer)?;
        if operation.done {
            return Ok(operation);
        }
        tokio::time::sleep(BETWEEN).await;
        answer = match operation.name.as_deref().filter(|name| is_path(name)) {
            Some(name) => get(call, set, &format!("{base}/{name}")).await?,
            None => post(call, set, &format!("{base}:onboardUser"), body).await?,
        };
    }
    Err(StageTrouble::passing(answer.unclear(
        "it has not finished setting the account up after two minutes: sign in again later",
    )))
}

/// Where the methods stand, at the row's address or at the user's own.
fn methods(call: &StageCall<'_>, row: &str) -> String {
    let base = call.overrides.base_url.as_deref().unwrap_or(row);
    format!("{}/v1internal", base.trim_end_matches('/'))
}

/// byokey names no editor: it is none.
fn metadata(project: Option<&str>) -> Value {
    let mut metadata = json!({
        "ideType": "IDE_UNSPECIFIED",
        "platform": "PLATFORM_UNSPECIFIED",
        "pluginType": "GEMINI",
    });
    if let Some(project) = project {
        metadata["duetProject"] = project.into();
    }
    metadata
}

async fn post(
    call: &StageCall<'_>,
    set: &TokenSet,
    url: &str,
    body: &Value,
) -> Result<Answer, StageTrouble> {
    let ask = call.to(url)?.authorized("Bearer", &set.access);
    let answer = ask.map_err(StageTrouble::passing)?.post_json(KIND, body);
    answer.await.map_err(StageTrouble::passing)
}

async fn get(call: &StageCall<'_>, set: &TokenSet, url: &str) -> Result<Answer, StageTrouble> {
    let ask = call.to(url)?.authorized("Bearer", &set.access);
    let answer = ask.map_err(StageTrouble::passing)?.get();
    answer.await.map_err(StageTrouble::passing)
}

fn read<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, StageTrouble> {
    let body = answer.body().map_err(StageTrouble::passing)?;
    serde_json::from_slice(body)
        .map_err(|_| StageTrouble::passing(answer.unclear("it does not say which plan it is")))
}

/// `operations/…`, and nothing that would lead elsewhere.
fn is_path(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    !name.is_empty() && !name.contains("..") && name.bytes().all(plain)
}

fn violates_policy(answer: &Answer) -> bool {
    let body = answer.body().ok();
    let body: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    let details = body
        .as_ref()
        .and_then(|body| body.pointer("/error/details"));
    let details = details.and_then(Value::as_array);
    details.is_some_and(|details| {
        let mut reasons = details
            .iter()
            .filter_map(|detail| detail.get("reason")?.as_str());
        reasons.any(|reason| reason == "SECURITY_POLICY_VIOLATED")
    })
}

/// The plan is one of a company, whose requests are made in a project of its own.
fn without_project(
    call: &StageCall<'_>,
    ineligible: &[Ineligible],
    set: &TokenSet,
) -> StageTrouble {
    if !ineligible.iter().all(Ineligible::wants_project) {
        return explain(call, ineligible, set);
    }
    let words = format!(
        "{} wants to know in which Google Cloud project this account's requests are made: give it \
         as `{PROJECT}`, or set GOOGLE_CLOUD_PROJECT, and sign in again",
        call.provider.name
    );
    StageTrouble::Missing { words }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Plan {
    current_tier: Option<Tier>,
    paid_tier: Option<Tier>,
    allowed_tiers: Vec<Tier>,
    ineligible_tiers: Vec<Ineligible>,
    #[serde(rename = "cloudaicompanionProject")]
    project: Option<Project>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Tier {
    id: Option<String>,
    name: Option<String>,
    is_default: bool,
}

impl Tier {
    fn named(id: &str) -> Self {
        Self {
            id: Some(id.to_owned()),
            ..Self::default()
        }
    }
}

/// A project by its id, which some replies put into an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Project {
    Id(String),
    Object { id: String },
}

impl Project {
    fn id(&self) -> Option<String> {
        let (Self::Id(id) | Self::Object { id }) = self;
        (!id.is_empty()).then(|| id.clone())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Operation {
    name: Option<String>,
    done: bool,
    response: Option<Enrolled>,
    error: Option<Failed>,
}

#[derive(Deserialize)]
struct Enrolled {
    #[serde(rename = "cloudaicompanionProject")]
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Failed {
    message: Option<String>,
}

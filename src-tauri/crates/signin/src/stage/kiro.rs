//! Kiro: the profile that requests of a plan name, and with it the region they go to. A Builder ID
//! may have none; the social login brings its own.

use byokey_vault::{Fields, TokenSet};
use serde::Deserialize;
use serde_json::json;

use super::{Found, PROFILE_ARN, StageCall, StageTrouble};
use crate::call::Answer;

/// The only regions that are known to have the API.
const REGIONS: [&str; 2] = ["us-east-1", "eu-central-1"];
const TARGET: &str = "AmazonCodeWhispererService.ListAvailableProfiles";
const KIND: &str = "application/x-amz-json-1.0";
/// Name of the provider's field for the region of requests.
const API_REGION: &str = "api_region";

/// Looks for the profile, unless the sign-in brought one.
pub(super) async fn complete(
    call: &StageCall<'_>,
    set: &mut TokenSet,
) -> Result<Found, StageTrouble> {
    if !set.extra.contains_key(PROFILE_ARN)
        && let Some(arn) = profile(call, set).await?
    {
        set.extra.insert(PROFILE_ARN.to_owned(), arn);
    }
    let mut fields = Fields::new();
    if let Some(region) = set.extra.get(PROFILE_ARN).and_then(|arn| region_of(arn)) {
        fields.insert(API_REGION.to_owned(), region.to_owned());
    }
    Ok(Found {
        fields,
        ..Found::default()
    })
}

/// The first profile of the first region that has one.
async fn profile(call: &StageCall<'_>, set: &TokenSet) -> Result<Option<String>, StageTrouble> {
    let mut unanswered = None;
    for region in REGIONS {
        match list(call, set, region).await {
            Ok(profiles) => {
                let known = |profile: &Profile| region_of(&profile.arn).is_some();
                if let Some(profile) = profiles.into_iter().find(known) {
                    return Ok(Some(profile.arn));
                }
            }
            Err(over @ StageTrouble::SignIn { .. }) => return Err(over),
            // What one region refuses, another may give.
            Err(StageTrouble::Blocked { .. } | StageTrouble::Missing { .. }) => {}
            Err(passing) => unanswered = Some(passing),
        }
    }
    match unanswered {
        Some(passing) => Err(passing),
        None => Ok(None),
    }
}

async fn list(
    call: &StageCall<'_>,
    set: &TokenSet,
    region: &str,
) -> Result<Vec<Profile>, StageTrouble> {
    let ask = call.to(&format!("https://management.{region}.kiro.dev/"))?;
    let ask = ask.authorized("Bearer", &set.access);
    let ask = ask.and_then(|ask| ask.header("X-Amz-Target", TARGET));
    let ask = ask.map_err(StageTrouble::passing)?;
    let answer = ask.post_json(KIND, &json!({})).await;
    let answer: Answer = answer.map_err(StageTrouble::passing)?;
    match answer.status {
        200 => {
            let body = answer.body().map_err(StageTrouble::passing)?;
            let given: Profiles = serde_json::from_slice(body)
                .map_err(|_| StageTrouble::passing(answer.unclear("it lists no profiles")))?;
            Ok(given.profiles)
        }
        // It has no such list for this account.
        400 | 404 => Ok(Vec::new()),
        _ => Err(call.trouble(&answer, set)),
    }
}

/// `arn:aws:codewhisperer:us-east-1:…`: the fourth part, if it can be the name of a region.
fn region_of(arn: &str) -> Option<&str> {
    let region = arn.split(':').nth(3)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (arn.starts_with("arn:") && !region.is_empty() && region.bytes().all(plain)).then_some(region)
}

#[derive(Deserialize)]
struct Profiles {
    #[serde(default)]
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    arn: String,
}

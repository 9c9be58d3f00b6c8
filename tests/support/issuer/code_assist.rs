//! Code Assist: which project an account has, getting it one, and the models behind it.

use http::Method;
use serde_json::{Value, json};

use super::{
    House, Realm,
    books::Family,
    house::Answer,
    office::random,
    read::{Refusal, bearer},
};
use crate::{Kind, Reply, Seen};

/// How often an operation is looked at before it is done.
const STEPS: usize = 2;

pub(crate) fn api(house: &House, seen: &Seen, path: &str) -> Answer {
    let token = bearer(seen).unwrap_or_default();
    let realms = [Realm::GeminiCli, Realm::Antigravity];
    let Some(family) = house.office.holder(&realms, token) else {
        let words = "Request had invalid authentication credentials.";
        return Some(Err(Refusal::new(401, "UNAUTHENTICATED", words)));
    };
    if let Some(operation) = path.strip_prefix("/v1internal/operations/") {
        return Some(step(house, operation));
    }
    let method = path.strip_prefix("/v1internal:")?;
    if seen.method != Method::POST {
        return Some(Err(Refusal::new(405, "INVALID_ARGUMENT", "POST only.")));
    }
    let body = seen.json();
    Some(match method {
        "loadCodeAssist" => load(house, &body, &family),
        "onboardUser" => onboard(house, &body, &family),
        "fetchAvailableModels" => Ok(Reply::json(200, &models())),
        "retrieveUserQuota" => Ok(Reply::json(
            200,
            &json!({"buckets": [{"remainingFraction": 0.8, "tokenType": "REQUESTS",
                "resetTime": "2026-11-22T00:00:00Z", "modelId": "gemini-3-flash"}]}),
        )),
        "generateContent" | "streamGenerateContent" | "countTokens" => {
            let own = family.user.project();
            let project = body["project"].as_str();
            if method != "countTokens" && project != Some(&own) {
                let words = format!("Permission denied on project {project:?}.");
                return Some(Err(Refusal::new(403, "PERMISSION_DENIED", words)));
            }
            Ok(house.ask(Kind::Gemini, seen))
        }
        _ => return None,
    })
}

/// Refuses a caller that says it is one of Google's own programs.
fn honest(body: &Value) -> Result<(), Refusal> {
    let metadata = &body["metadata"];
    let plain = |name: &str, value: &str| metadata[name].is_null() || metadata[name] == value;
    let honest = plain("ideType", "IDE_UNSPECIFIED") && plain("platform", "PLATFORM_UNSPECIFIED");
    match metadata.is_object() && honest {
        true => Ok(()),
        false => Err(Refusal::new(
            400,
            "INVALID_ARGUMENT",
            "metadata is missing, or names another program.",
        )),
    }
}

fn load(house: &House, body: &Value, family: &Family) -> Result<Reply, Refusal> {
    honest(body)?;
    let user = &family.user;
    let books = house.office.books.lock();
    if let Some(reason) = books.reasons.get(&user.subject).copied() {
        return Ok(Reply::json(200, &ineligible(reason)));
    }
    if user.plan == "free" {
        return Ok(Reply::json(200, &ineligible("UNSUPPORTED_CLIENT")));
    }
    let tier = json!({"id": "standard-tier", "name": "Gemini Code Assist Standard"});
    Ok(Reply::json(
        200,
        &match books.onboarded.contains(&user.subject) {
            true => json!({"currentTier": tier, "cloudaicompanionProject": user.project(),
                "paidTier": {"id": "standard-tier", "name": "Standard", "availableCredits": []}}),
            false => json!({"allowedTiers": [{"id": "standard-tier", "isDefault": true,
                "userDefinedCloudaicompanionProject": true}], "ineligibleTiers": []}),
        },
    ))
}

fn ineligible(reason: &str) -> Value {
    json!({"allowedTiers": [], "ineligibleTiers": [{"tierId": "free-tier",
        "tierName": "Gemini Code Assist for individuals", "reasonCode": reason,
        "reasonMessage": "This account cannot use Gemini Code Assist here.",
        "validationUrl": "https://accounts.google.com/verify"}]})
}

/// Begins to make a project, or looks at it again when it was begun.
fn onboard(house: &House, body: &Value, family: &Family) -> Result<Reply, Refusal> {
    honest(body)?;
    if body["tierId"] != "standard-tier" {
        let words = format!("The tier {} is not allowed.", body["tierId"]);
        return Err(Refusal::new(400, "INVALID_ARGUMENT", words));
    }
    let begun = {
        let mut books = house.office.books.lock();
        let mine = |(name, (user, _)): (&String, &(super::User, usize))| {
            (*user == family.user).then(|| name.clone())
        };
        let begun = books.operations.iter().find_map(mine);
        begun.unwrap_or_else(|| {
            let name = random();
            let operation = (family.user.clone(), 0);
            books.operations.insert(name.clone(), operation);
            name
        })
    };
    step(house, &begun)
}

fn step(house: &House, name: &str) -> Result<Reply, Refusal> {
    let mut books = house.office.books.lock();
    let Some((user, looked)) = books.operations.get_mut(name) else {
        return Err(Refusal::new(404, "NOT_FOUND", "No such operation."));
    };
    let mut reply = json!({"name": format!("operations/{name}"), "done": *looked >= STEPS});
    *looked += 1;
    if *looked > STEPS {
        let (user, project) = (user.subject.clone(), user.project());
        books.onboarded.insert(user);
        reply["response"] = json!({"cloudaicompanionProject": {"id": project, "name": project,
            "projectNumber": "123456789012"}});
    }
    Ok(Reply::json(200, &reply))
}

fn models() -> Value {
    json!({"models": {
        "gemini-3-flash": {"displayName": "Gemini 3 Flash", "maxTokens": 1_048_576,
            "maxOutputTokens": 65_536, "quotaInfo": {"remainingFraction": 0.8,
                "resetTime": "2026-11-22T00:00:00Z"}},
        "claude-sonnet-4-6": {"displayName": "Claude Sonnet 4.6", "maxTokens": 200_000,
            "quotaInfo": {"resetTime": "2026-11-22T00:00:00Z"}},
    }, "deprecatedModelIds": {}})
}

use std::collections::BTreeMap;

use byokey_sim::{Issuer, Mishap, Realm, Reply, User};
use byokey_vault::Secret;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::fixture::{scene, to};

const EXCHANGE: &str = "https://api.github.com/copilot_internal/v2/token";
const COPILOT_USER: &str = "https://api.github.com/copilot_internal/user";
const PLANS: &str = "https://cloudcode-pa.googleapis.com/v1internal:loadCodeAssist";
const ENROL: &str = "https://cloudcode-pa.googleapis.com/v1internal:onboardUser";
const USER_INFO: &str = "https://iflow.cn/api/oauth/getUserInfo";

fn set(access: &str) -> TokenSet {
    TokenSet {
        access: Secret::new(access),
        refresh: None,
        expires: None,
        obtained: Timestamp::now(),
        earliest_refresh: None,
        scope: None,
        client: None,
        second: None,
        extra: BTreeMap::new(),
    }
}

/// A credential of `user` at this route, brought to the point where requests can be made with it.
async fn staged(
    issuer: &Issuer,
    (provider, route): (&str, &str),
    (realm, client): (Realm, &str),
    user: &User,
) -> (Result<(), SigninError>, Grant) {
    let (access, _) = issuer.signed_in(realm, user, client);
    let mut grant = Grant {
        credential: Granted::Tokens(Box::new(set(&access))),
        identity: Some(Identity {
            subject: user.subject.clone(),
            label: None,
            plan: None,
        }),
        fields: Fields::new(),
    };
    if provider == "iflow" {
        grant.identity = None;
    }
    let scene = scene(provider, route, to(issuer));
    let done = complete(&scene, &mut grant).await;
    (done, grant)
}

const COPILOT: (&str, &str) = ("copilot", "github-device");
const GITHUB: (Realm, &str) = (Realm::Github, Issuer::GITHUB_CLIENT);
const GEMINI: (&str, &str) = ("gemini", "code-assist");
const GEMINI_CLI: (Realm, &str) = (Realm::GeminiCli, "");

fn tokens(grant: &Grant) -> &TokenSet {
    crate::fixture::tokens(grant)
}

fn plan(grant: &Grant) -> Option<&str> {
    grant.identity.as_ref()?.plan.as_deref()
}

#[tokio::test(start_paused = true)]
async fn copilot_exchanges_the_token_and_learns_where_requests_go() {
    let issuer = Issuer::start().await;
    let (done, grant) = staged(&issuer, COPILOT, GITHUB, &User::new("ada")).await;
    done.unwrap();
    let second = tokens(&grant).second.as_ref().unwrap();
    let due = second.due.unwrap().duration_since(Timestamp::now());
    assert!((1435..=1440).contains(&due.as_secs()), "{due}");
    let base = &tokens(&grant).extra[API_BASE];
    assert_eq!(base, "https://api.individual.githubcopilot.com");
    assert_eq!(plan(&grant), Some("individual"));
    assert!(!issuer.requests(EXCHANGE).is_empty());
}

#[tokio::test(start_paused = true)]
async fn copilots_lifetimes_are_those_of_this_computers_clock() {
    let issuer = Issuer::start().await;
    issuer.skew(86_400);
    let (done, grant) = staged(&issuer, COPILOT, GITHUB, &User::new("ada")).await;
    done.unwrap();
    let ends = tokens(&grant).second.as_ref().unwrap().expires.unwrap();
    assert!(ends < Timestamp::now() + SignedDuration::from_hours(1));
    for (refresh_in, least, most) in [(0, 50, 60), (-5, 50, 60), (1_000_000_000, 86_000, 86_400)] {
        let given = json!({"token": "t", "refresh_in": refresh_in});
        issuer.mishap(EXCHANGE, Mishap::Reply(Reply::json(200, &given)));
        let (_, grant) = staged(&issuer, COPILOT, GITHUB, &User::new("ada")).await;
        let due = tokens(&grant).second.as_ref().unwrap().due.unwrap();
        let wait = due.duration_since(Timestamp::now()).as_secs();
        assert!((least..=most).contains(&wait), "{refresh_in}: {wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn copilot_sends_the_token_itself_where_no_exchange_is_granted() {
    let issuer = Issuer::start().await;
    issuer.copilot_exchange(false);
    let user = json!({"copilot_plan": "business",
        "endpoints": {"api": "https://api.individual.githubcopilot.com"}});
    issuer.mishap(COPILOT_USER, Mishap::Reply(Reply::json(200, &user)));
    let (done, grant) = staged(&issuer, COPILOT, GITHUB, &User::new("ada")).await;
    done.unwrap();
    assert!(tokens(&grant).second.is_none());
    let base = &tokens(&grant).extra[API_BASE];
    assert_eq!(base, "https://api.individual.githubcopilot.com");
    assert_eq!(plan(&grant), Some("business"));
}

#[tokio::test(start_paused = true)]
async fn copilot_is_not_led_away_by_a_reply() {
    let issuer = Issuer::start().await;
    let given = json!({"token": "t", "endpoints": {"api": "https://copilot.evil.net"}});
    issuer.mishap(EXCHANGE, Mishap::Reply(Reply::json(200, &given)));
    let (done, grant) = staged(&issuer, COPILOT, GITHUB, &User::new("ada")).await;
    done.unwrap();
    assert!(!tokens(&grant).extra.contains_key(API_BASE));
}

#[tokio::test(start_paused = true)]
async fn copilots_refusal_is_shown_in_full() {
    let issuer = Issuer::start().await;
    let (done, grant) = staged(&issuer, COPILOT, GITHUB, &User::new("ada").plan("none")).await;
    let error = done.unwrap_err();
    assert!(matches!(error, SigninError::NotEligible { .. }), "{error}");
    for part in [
        "No access to GitHub Copilot",
        "You do not have access to Copilot.",
        "https://github.com/settings/copilot",
        "no_copilot_access",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!error.to_string().contains(tokens(&grant).access.expose()));
}

#[tokio::test(start_paused = true)]
async fn copilot_is_exchanged_again_and_again() {
    let issuer = Issuer::start().await;
    let (_, mut grant) = staged(&issuer, COPILOT, GITHUB, &User::new("ada")).await;
    let scene = scene(COPILOT.0, COPILOT.1, to(&issuer));
    let fields = Fields::new();
    let call = StageCall {
        http: &scene.http,
        overrides: &scene.overrides,
        provider: scene.provider().unwrap(),
        route: scene.route().unwrap(),
        fields: &fields,
    };
    let Granted::Tokens(set) = &mut grant.credential else {
        panic!("tokens");
    };
    let first = set.second.as_ref().unwrap().token.expose().to_owned();
    again(Stage::Copilot, &call, set).await.unwrap();
    assert_ne!(set.second.as_ref().unwrap().token.expose(), first);
    let second = set.second.as_ref().unwrap().token.expose().to_owned();
    let kind = |trouble: &StageTrouble| match trouble {
        StageTrouble::Passing { .. } => "passing",
        StageTrouble::SignIn { .. } => "sign-in",
        StageTrouble::Blocked { .. } => "blocked",
        StageTrouble::Missing { .. } => "missing",
    };
    for (mishap, expected) in [
        (Mishap::Error(401, "bad"), "sign-in"),
        // Without GitHub's own reason it may be a limit, or somebody in between.
        (Mishap::Error(403, "rate limited"), "passing"),
        (Mishap::Error(500, "server_error"), "passing"),
        (Mishap::Garbage, "passing"),
        (Mishap::Oversized(100_000), "passing"),
        (Mishap::Lost, "passing"),
        (
            Mishap::Limit {
                seconds: Some(7),
                milliseconds: None,
            },
            "passing",
        ),
    ] {
        issuer.mishap(EXCHANGE, mishap.clone());
        let trouble = again(Stage::Copilot, &call, set).await.unwrap_err();
        assert_eq!(kind(&trouble), expected, "{mishap:?}: {trouble}");
        if let (Mishap::Limit { .. }, StageTrouble::Passing { retry_after, .. }) =
            (&mishap, &trouble)
        {
            assert_eq!(retry_after.map(|wait| wait.as_secs()), Some(7));
        }
        // What was there is as good as it was.
        assert_eq!(set.second.as_ref().unwrap().token.expose(), second);
    }
    issuer.copilot_exchange(false);
    again(Stage::Copilot, &call, set).await.unwrap();
    assert!(set.second.is_none());
}

#[tokio::test(start_paused = true)]
async fn code_assist_enrols_an_account_and_waits_for_its_project() {
    for (place, client) in [
        (GEMINI, GEMINI_CLI),
        (("antigravity", "google-oauth"), (Realm::Antigravity, "")),
    ] {
        let issuer = Issuer::start().await;
        let start = tokio::time::Instant::now();
        let (done, grant) = staged(&issuer, place, client, &User::new("ada")).await;
        done.unwrap_or_else(|error| panic!("{place:?}: {error}"));
        assert_eq!(tokens(&grant).extra[PROJECT], "sim-project-ada");
        assert_eq!(
            start.elapsed().as_secs(),
            10,
            "two looks, five seconds apart"
        );
        assert_eq!(plan(&grant), Some("standard-tier"));
        // Enrolled once, it stays so.
        let (done, grant) = staged(&issuer, place, client, &User::new("ada")).await;
        done.unwrap();
        assert_eq!(plan(&grant), Some("Standard"));
    }
}

#[tokio::test(start_paused = true)]
async fn code_assist_gives_an_enrolment_two_minutes() {
    let issuer = Issuer::start().await;
    for _ in 0..40 {
        let never = Reply::json(200, &json!({"done": false}));
        issuer.mishap(ENROL, Mishap::Reply(never));
    }
    let start = tokio::time::Instant::now();
    let (done, grant) = staged(&issuer, GEMINI, GEMINI_CLI, &User::new("ada")).await;
    assert!(matches!(done, Err(SigninError::Unclear { .. })));
    assert_eq!(start.elapsed().as_secs(), 120);
    assert!(!tokens(&grant).extra.contains_key(PROJECT));
}

#[tokio::test(start_paused = true)]
async fn code_assist_says_in_plain_words_why_an_account_gets_no_plan() {
    for (reason, part) in [
        ("UNSUPPORTED_CLIENT", "programs other than its own"),
        ("VALIDATION_REQUIRED", "https://accounts.google.com/verify"),
        ("RESTRICTED_AGE", "too young"),
        ("UNSUPPORTED_LOCATION", "country"),
        ("RESTRICTED_NETWORK", "network"),
        ("NON_USER_ACCOUNT", "not a person's"),
        ("SOMETHING_NEW", "SOMETHING_NEW"),
    ] {
        let issuer = Issuer::start().await;
        let ada = User::new("ada");
        issuer.ineligible(&ada, reason);
        let (done, grant) = staged(&issuer, GEMINI, GEMINI_CLI, &ada).await;
        let error = done.unwrap_err();
        assert!(matches!(error, SigninError::NotEligible { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(part), "{text}");
        assert!(
            text.contains("cannot use Gemini Code Assist here"),
            "{text}"
        );
        assert!(!tokens(&grant).extra.contains_key(PROJECT));
    }
}

#[tokio::test(start_paused = true)]
async fn code_assist_never_makes_a_project_up() {
    let tier = json!({"id": "standard-tier", "name": "Standard"});
    let denied = json!({"error": {"code": 403, "message": "Denied by policy.",
        "details": [{"reason": "SECURITY_POLICY_VIOLATED"}]}});
    for (status, reply, given, expected) in [
        (200, json!({"currentTier": tier}), None, "missing"),
        (200, json!({"currentTier": tier}), Some("mine"), "mine"),
        (
            200,
            json!({"currentTier": tier, "cloudaicompanionProject": {"id": "theirs"}}),
            Some("mine"),
            "theirs",
        ),
        (
            200,
            json!({"currentTier": tier, "cloudaicompanionProject": ""}),
            None,
            "missing",
        ),
        (
            200,
            json!({"currentTier": tier, "ineligibleTiers": [{"reasonCode": "DASHER_USER"}]}),
            None,
            "missing",
        ),
        (403, denied.clone(), None, "missing"),
        (403, denied, Some("mine"), "mine"),
        (
            403,
            json!({"error": {"message": "No."}}),
            Some("mine"),
            "not-eligible",
        ),
        (401, json!({}), None, "not-eligible"),
        (500, json!({}), None, "unclear"),
    ] {
        let issuer = Issuer::start().await;
        issuer.mishap(PLANS, Mishap::Reply(Reply::json(status, &reply)));
        let (access, _) = issuer.signed_in(Realm::GeminiCli, &User::new("ada"), "");
        let mut scene = scene(GEMINI.0, GEMINI.1, to(&issuer));
        if let Some(given) = given {
            scene.fields.insert(PROJECT.to_owned(), given.to_owned());
        }
        let mut grant = Grant {
            credential: Granted::Tokens(Box::new(set(&access))),
            identity: None,
            fields: Fields::new(),
        };
        match complete(&scene, &mut grant).await {
            Ok(()) => assert_eq!(tokens(&grant).extra[PROJECT], expected, "{reply}"),
            Err(error) => assert_eq!(error.code(), expected, "{reply}: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn iflow_gets_its_key_and_keeps_the_token_to_itself() {
    let issuer = Issuer::start().await;
    let place = ("iflow", "oauth");
    let (done, grant) = staged(&issuer, place, (Realm::Iflow, ""), &User::new("ada")).await;
    done.unwrap();
    assert!(tokens(&grant).second.as_ref().unwrap().expires.is_none());
    let identity = grant.identity.as_ref().unwrap();
    assert_eq!(identity.label.as_deref(), Some("ada@example.org"));
    for (mishap, code) in [
        (
            Mishap::Reply(Reply::json(
                200,
                &json!({"success": false, "message": "expired"}),
            )),
            "not-eligible",
        ),
        (
            Mishap::Reply(Reply::json(
                200,
                &json!({"success": true, "data": {"apiKey": ""}}),
            )),
            "not-eligible",
        ),
        (Mishap::Error(401, "invalid_token"), "not-eligible"),
        (Mishap::Garbage, "unclear"),
        (Mishap::Lost, "unreachable"),
    ] {
        issuer.mishap(USER_INFO, mishap);
        let (done, grant) = staged(&issuer, place, (Realm::Iflow, ""), &User::new("ada")).await;
        let error = done.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains(tokens(&grant).access.expose()), "{text}");
        assert!(!text.contains("accessToken"), "{text}");
        assert!(tokens(&grant).second.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn kiro_finds_the_profile_in_whichever_region_has_it() {
    for (user, region) in [
        (User::new("ada"), Some("us-east-1")),
        (
            User::new("ada").region("eu-central-1"),
            Some("eu-central-1"),
        ),
        (User::new("ada").plan("builder"), None),
    ] {
        let issuer = Issuer::start().await;
        let place = ("kiro", "builder-id-device");
        let (done, grant) = staged(&issuer, place, (Realm::Aws, ""), &user).await;
        done.unwrap();
        let arn = tokens(&grant).extra.get(PROFILE_ARN);
        assert_eq!(arn.and_then(|arn| arn.split(':').nth(3)), region);
        let found = grant.fields.get("api_region").map(String::as_str);
        assert_eq!(found, region);
    }
}

#[tokio::test(start_paused = true)]
async fn kiro_takes_no_region_that_could_lead_elsewhere() {
    for arn in [
        "arn:aws:codewhisperer:evil.net/:1:profile/A",
        "nonsense",
        "arn:aws:codewhisperer::1:p",
        "",
    ] {
        let issuer = Issuer::start().await;
        for region in ["us-east-1", "eu-central-1"] {
            let profiles = json!({"profiles": [{"arn": arn, "profileName": "A"}]});
            let url = format!("https://management.{region}.kiro.dev/");
            issuer.mishap(&url, Mishap::Reply(Reply::json(200, &profiles)));
        }
        let place = ("kiro", "builder-id-device");
        let (done, grant) = staged(&issuer, place, (Realm::Aws, ""), &User::new("ada")).await;
        done.unwrap();
        assert!(tokens(&grant).extra.is_empty(), "{arn}");
        assert!(grant.fields.is_empty(), "{arn}");
    }
}

//! One origin of a provider: which one it is, and how a request to it is answered.

use std::sync::Arc;

use serde_json::json;

use super::{
    Realm, aws, claude, code_assist, codex, copilot, github, google, iflow, kimi, kiro,
    office::Office,
    oidc, openrouter, page, qwen,
    read::{self, Fields, Refusal},
    siwc,
};
use crate::{Kind, Reply, Script, Seen, route::Provider};

/// The outcome of a request; `None` when the house has no such path.
pub(crate) type Answer = Option<Result<Reply, Refusal>>;

/// The origins that are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Claude,
    AnthropicApi,
    OpenaiAuth,
    OpenaiApi,
    Chatgpt,
    Github,
    GithubApi,
    CopilotApi,
    GoogleAccounts,
    GoogleTokens,
    GoogleApis,
    CodeAssist,
    AwsOidc(&'static str),
    KiroAuth,
    KiroManagement(&'static str),
    KiroApi(&'static str),
    KimiAuth(&'static str),
    KimiApi,
    QwenAuth,
    QwenApi,
    Iflow,
    IflowApi,
    Openrouter,
    Oidc,
}

/// Every real origin and who plays it. A line is one listener.
pub(crate) const HOUSES: &[(Place, &[&str])] = &[
    (
        Place::Claude,
        &[
            "https://claude.ai",
            "https://platform.claude.com",
            "https://console.anthropic.com",
        ],
    ),
    (Place::AnthropicApi, &["https://api.anthropic.com"]),
    (Place::OpenaiAuth, &["https://auth.openai.com"]),
    (Place::OpenaiApi, &["https://api.openai.com"]),
    (Place::Chatgpt, &["https://chatgpt.com"]),
    (Place::Github, &["https://github.com"]),
    (Place::GithubApi, &["https://api.github.com"]),
    (
        Place::CopilotApi,
        &[
            "https://api.githubcopilot.com",
            "https://api.individual.githubcopilot.com",
            "https://api.business.githubcopilot.com",
        ],
    ),
    (
        Place::GoogleAccounts,
        &[
            "https://accounts.google.com",
            "https://codeassist.google.com",
        ],
    ),
    (Place::GoogleTokens, &["https://oauth2.googleapis.com"]),
    (Place::GoogleApis, &["https://www.googleapis.com"]),
    (
        Place::CodeAssist,
        &[
            "https://cloudcode-pa.googleapis.com",
            "https://daily-cloudcode-pa.googleapis.com",
        ],
    ),
    (
        Place::AwsOidc("us-east-1"),
        &["https://oidc.us-east-1.amazonaws.com"],
    ),
    (
        Place::AwsOidc("eu-central-1"),
        &["https://oidc.eu-central-1.amazonaws.com"],
    ),
    (
        Place::KiroAuth,
        &[
            "https://prod.us-east-1.auth.desktop.kiro.dev",
            "https://view.awsapps.com",
            "https://app.kiro.dev",
        ],
    ),
    (
        Place::KiroManagement("us-east-1"),
        &[
            "https://management.us-east-1.kiro.dev",
            "https://codewhisperer.us-east-1.amazonaws.com",
        ],
    ),
    (
        Place::KiroManagement("eu-central-1"),
        &["https://management.eu-central-1.kiro.dev"],
    ),
    (
        Place::KiroApi("us-east-1"),
        &[
            "https://q.us-east-1.amazonaws.com",
            "https://runtime.us-east-1.kiro.dev",
        ],
    ),
    (
        Place::KiroApi("eu-central-1"),
        &[
            "https://q.eu-central-1.amazonaws.com",
            "https://runtime.eu-central-1.kiro.dev",
        ],
    ),
    (
        Place::KimiAuth("https://auth.kimi.com"),
        &["https://auth.kimi.com"],
    ),
    (
        Place::KimiAuth("https://auth.kimi.ai"),
        &["https://auth.kimi.ai"],
    ),
    (
        Place::KimiApi,
        &["https://api.kimi.com", "https://api.kimi.ai"],
    ),
    (Place::QwenAuth, &["https://chat.qwen.ai"]),
    (Place::QwenApi, &["https://portal.qwen.ai"]),
    (Place::Iflow, &["https://iflow.cn"]),
    (Place::IflowApi, &["https://apis.iflow.cn"]),
    (Place::Openrouter, &["https://openrouter.ai"]),
    (Place::Oidc, &[super::OIDC]),
];

/// One listener's answers.
#[derive(Debug)]
pub(crate) struct House {
    place: Place,
    /// Its own address.
    origin: String,
    pub(crate) office: Arc<Office>,
    /// The models behind it, one for each dialect.
    models: Vec<Provider>,
}

impl House {
    pub(crate) fn new(place: Place, origin: String, office: Arc<Office>) -> Self {
        let (kinds, realms) = place.models();
        let provider = |kind: &Kind| {
            let (office, realms) = (Arc::clone(&office), realms.to_vec());
            let good = move |key: &str| {
                office.holder(&realms, key).is_some() || office.books.lock().keys.contains(key)
            };
            Provider::new(*kind, Script::default().keys(good))
        };
        let models = kinds.iter().map(provider).collect();
        Self {
            place,
            origin,
            office,
            models,
        }
    }

    /// Answers a request, with whatever mishap was ordered for its path.
    pub(crate) fn reply(&self, seen: &Seen) -> Reply {
        let path = read::path(seen);
        if let Some(reply) = self.for_people(seen, path) {
            return reply;
        }
        let at = format!("{}{path}", self.origin);
        let mishap = self.office.books.lock().mishap(&at);
        let dress = |refusal| self.dress(path, &refusal);
        if let Some(reply) = mishap.as_ref().and_then(|mishap| mishap.instead(dress)) {
            return reply;
        }
        let reply = match self.answer(seen, path) {
            Some(Ok(reply)) => reply,
            Some(Err(refusal)) => self.dress(path, &refusal),
            None => self.dress(
                path,
                &Refusal::new(404, "not_found", format!("No such path: {path}")),
            ),
        };
        match mishap {
            Some(mishap) => mishap.spoil(reply),
            None => reply,
        }
    }

    fn answer(&self, seen: &Seen, path: &str) -> Answer {
        match self.place {
            Place::Claude => claude::sign_in(self, seen, path),
            Place::AnthropicApi => claude::api(self, seen, path),
            Place::OpenaiAuth => {
                siwc::sign_in(self, seen, path).or_else(|| codex::sign_in(self, seen, path))
            }
            Place::OpenaiApi => siwc::api(self, seen, path),
            Place::Chatgpt => codex::api(self, seen, path),
            Place::Github => github::sign_in(self, seen, path),
            Place::GithubApi => github::api(self, seen, path),
            Place::CopilotApi => copilot::api(self, seen, path),
            Place::GoogleAccounts => google::authorize(self, seen, path),
            Place::GoogleTokens => google::tokens(self, seen, path),
            Place::GoogleApis => google::userinfo(self, seen, path),
            Place::CodeAssist => code_assist::api(self, seen, path),
            Place::AwsOidc(region) => aws::sign_in(self, seen, path, region),
            Place::KiroAuth => kiro::sign_in(self, seen, path),
            Place::KiroManagement(region) => kiro::management(self, seen, path, region),
            Place::KiroApi(region) => kiro::api(self, seen, path, region),
            Place::KimiAuth(origin) => kimi::sign_in(self, seen, path, origin),
            Place::KimiApi => kimi::api(self, seen, path),
            Place::QwenAuth => qwen::sign_in(self, seen, path),
            Place::QwenApi => Some(Ok(self.ask(Kind::Chat, seen))),
            Place::Iflow => iflow::sign_in(self, seen, path),
            Place::IflowApi => Some(Ok(self.ask(Kind::Chat, seen))),
            Place::Openrouter => openrouter::all(self, seen, path),
            Place::Oidc => oidc::all(self, seen, path),
        }
    }

    /// Asks the models behind this house.
    pub(crate) fn ask(&self, kind: Kind, seen: &Seen) -> Reply {
        let of = |model: &&Provider| model.kind() == kind;
        match self.models.iter().find(of) {
            Some(model) => model.reply(seen),
            None => Reply::new(404),
        }
    }

    /// Asks the models under another path.
    pub(crate) fn ask_at(&self, kind: Kind, seen: &Seen, path: String) -> Reply {
        let seen = Seen {
            path,
            ..seen.clone()
        };
        self.ask(kind, &seen)
    }

    /// The page on which a person types a code, or finds it typed.
    pub(crate) fn device_page(&self, seen: &Seen) -> Result<Reply, Refusal> {
        let fields = Fields::query(seen)?;
        let code = fields.get("user_code").unwrap_or_default();
        Ok(page::device(code, &self.office.books.lock().people))
    }

    /// What a person clicks on, at every house.
    fn for_people(&self, seen: &Seen, path: &str) -> Option<Reply> {
        let fields = Fields::query(seen).ok()?;
        let who = || {
            let at = fields.get("who")?.parse::<usize>().ok()?;
            self.office.books.lock().people.get(at).cloned()
        };
        match path {
            "/sim/consent" => {
                let to = self.office.decide(fields.get("ticket")?, who());
                Some(match to {
                    Some(to) => Reply::new(302).header("location", &self.office.resolve(&to)),
                    None => page::refused(400, "This page was answered before."),
                })
            }
            "/sim/device" => {
                let known = self.office.answer_code(fields.get("user_code")?, who());
                Some(match known {
                    true => page::page(200, "Done", "<p>Go back to the program.</p>"),
                    false => page::refused(404, "Nobody waits with this code."),
                })
            }
            _ => None,
        }
    }

    /// A refusal in the provider's form.
    fn dress(&self, path: &str, refusal: &Refusal) -> Reply {
        let Refusal {
            status,
            code,
            words,
        } = refusal;
        let person = matches!(path, "/oauth" | "/auth" | "/authorize")
            || path.ends_with("/authorize")
            || path.ends_with("/v2/auth");
        if person {
            return page::refused(*status, words);
        }
        let plain = json!({"error": code, "error_description": words});
        let numbered = json!({"error": {"code": status, "message": words, "status": code}});
        let body = match self.place {
            Place::AnthropicApi => json!({"type": "error", "request_id": "req_sim",
                "error": {"type": claude::kind(*status), "message": words}}),
            Place::OpenaiAuth if codex::own(path) => json!({"error": {"message": words,
                "type": "invalid_request_error", "param": null, "code": code}}),
            Place::OpenaiApi => json!({"error": {"message": words, "type": "invalid_request_error",
                "param": null, "code": code}}),
            Place::Chatgpt => json!({"detail": words}),
            Place::Github if path.ends_with("/access_token") => {
                let uri = "https://docs.github.com/apps";
                let body = json!({"error": code, "error_description": words, "error_uri": uri});
                return Reply::json(if *status >= 429 { *status } else { 200 }, &body);
            }
            Place::GithubApi => json!({"message": words, "status": status.to_string(),
                "documentation_url": "https://docs.github.com/rest"}),
            Place::CopilotApi => json!({"error": {"message": words, "code": code}}),
            Place::GoogleApis | Place::CodeAssist | Place::Openrouter => numbered,
            Place::KiroAuth | Place::KiroManagement(_) | Place::KiroApi(_) => {
                json!({"__type": code, "message": words})
            }
            Place::KimiApi => json!({"error": {"message": words, "type": code}}),
            _ => plain,
        };
        Reply::json(*status, &body)
    }
}

impl Place {
    /// The models behind an origin, and whose tokens they take.
    fn models(self) -> (&'static [Kind], &'static [Realm]) {
        match self {
            Self::AnthropicApi => (&[Kind::Messages], &[Realm::Claude]),
            Self::OpenaiApi => (&[Kind::Responses, Kind::Chat], &[Realm::Chatgpt]),
            Self::Chatgpt => (&[Kind::Responses], &[Realm::Codex]),
            Self::CopilotApi => (
                &[Kind::Chat, Kind::Responses, Kind::Messages],
                &[Realm::Github, Realm::Copilot],
            ),
            Self::CodeAssist => (&[Kind::Gemini], &[Realm::GeminiCli, Realm::Antigravity]),
            Self::KiroApi(_) => (&[Kind::Kiro], &[Realm::Aws, Realm::KiroSocial]),
            Self::KimiApi => (&[Kind::Chat, Kind::Messages], &[Realm::Kimi]),
            Self::QwenApi => (&[Kind::Chat], &[Realm::Qwen]),
            Self::IflowApi => (&[Kind::Chat], &[Realm::IflowKey]),
            Self::Openrouter => (
                &[Kind::Chat, Kind::Messages, Kind::Responses],
                &[Realm::Openrouter],
            ),
            Self::Oidc => (&[Kind::Chat], &[Realm::Oidc]),
            _ => (&[], &[]),
        }
    }
}

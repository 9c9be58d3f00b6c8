//! Accounts that a provider has locked out: told in its words, shown, and left in peace.

use byokey_sim::{Mishap, Reply};
use serde_json::{Value, json};

use super::Scene;

struct Lock {
    provider: &'static str,
    model: &'static str,
    asked: &'static str,
    status: u16,
    body: Value,
    words: &'static str,
}

impl Lock {
    async fn closes(self, scene: &Scene) {
        let reply = Reply::json(self.status, &self.body);
        scene.issuer.mishap(self.asked, Mishap::Reply(reply));
        let (status, error) = scene.say(self.model).await;
        assert!(status >= 400, "{}: {error}", self.provider);
        let told = error["error"]["message"].as_str().unwrap();
        assert!(told.contains(self.words), "{}: {told}", self.provider);
        let account = scene.account(self.provider).await;
        assert_eq!(account["state"]["kind"], "blocked", "{account}");
        let words = account["state"]["words"].as_str().unwrap();
        assert!(words.contains(self.words), "{words}");
        assert!(account["state"]["since"].is_string() && account["state"]["next"].is_string());
        let asked = scene.issuer.requests(self.asked).len();
        let (status, _) = scene.say(self.model).await;
        assert!(status >= 400);
        assert_eq!(
            scene.issuer.requests(self.asked).len(),
            asked,
            "{}: asked again",
            self.provider
        );
    }
}

#[tokio::test]
async fn claude_that_takes_its_own_program_alone() {
    let scene = Scene::of(&["claude"]).await;
    scene.by_browser("claude", "oauth-pkce", "ada").await;
    let words = "This credential is only authorized for use with Claude Code";
    let lock = Lock {
        provider: "claude",
        model: "claude/sim-large",
        asked: "https://api.anthropic.com/v1/messages",
        status: 400,
        body: json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": format!("{words} and cannot be used for other API requests.")}}),
        words,
    };
    lock.closes(&scene).await;
}

#[tokio::test]
async fn kiro_that_suspends() {
    let scene = Scene::of(&["kiro"]).await;
    scene
        .by_code("kiro", "builder-id-device", "ada", Value::Null)
        .await;
    let words = "locked as a security precaution";
    let lock = Lock {
        provider: "kiro",
        model: "kiro/claude-sonnet-4.6",
        asked: "https://q.us-east-1.amazonaws.com/generateAssistantResponse",
        status: 403,
        body: json!({"__type": "AccessDeniedException", "reason": "TEMPORARILY_SUSPENDED",
            "message": format!("Your User ID temporarily is suspended. We detected unusual user \
                                activity and {words}.")}),
        words,
    };
    lock.closes(&scene).await;
}

#[tokio::test]
async fn kimi_that_does_not_know_the_caller() {
    let scene = Scene::of(&["kimi"]).await;
    scene
        .by_code("kimi", "kimi-device", "ada", Value::Null)
        .await;
    let words = "currently only available for Coding Agents";
    let lock = Lock {
        provider: "kimi",
        model: "kimi/kimi-for-coding",
        asked: "https://api.kimi.com/coding/v1/chat/completions",
        status: 403,
        body: json!({"error": {"type": "access_terminated_error",
            "message": format!("Kimi For Coding is {words} such as Kimi CLI.")}}),
        words,
    };
    lock.closes(&scene).await;
}

#[tokio::test]
async fn antigravity_that_wants_the_account_verified() {
    let scene = Scene::of(&["antigravity"]).await;
    scene.by_browser("antigravity", "google-oauth", "ada").await;
    let words = "Verify your account to continue";
    let lock = Lock {
        provider: "antigravity",
        model: "antigravity/gemini-3-flash",
        asked: "https://daily-cloudcode-pa.googleapis.com/v1internal:generateContent",
        status: 403,
        body: json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
            "message": format!("{words}.")}}),
        words,
    };
    lock.closes(&scene).await;
}

#[tokio::test]
async fn copilot_without_a_seat_is_told_at_the_sign_in() {
    let scene = Scene::of(&["copilot"]).await;
    let id = scene.start("copilot", "github-device", Value::Null).await;
    let step = scene.step(&id, &["code"]).await;
    let person = byokey_sim::User::new("ada").plan("none");
    assert!(
        scene
            .issuer
            .browser(person)
            .types(step["code"].as_str().unwrap())
    );
    let failed = scene.step(&id, &["failed"]).await;
    let told = failed["message"].as_str().unwrap();
    assert!(told.contains("do not have access to Copilot"), "{told}");
    assert!(scene.accounts("copilot").await.is_empty());
}

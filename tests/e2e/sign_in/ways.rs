//! Every way to sign in, from its start to a served request.

use byokey_sim::{Realm, User};
use serde_json::{Value, json};

use super::{Scene, fixed_ports};

/// What every request of a provider must be like, whatever its credential.
fn honest(seen: &byokey_sim::Seen) {
    let agent = seen.header("user-agent");
    assert!(agent.starts_with("byokey/"), "{agent}");
}

#[tokio::test]
async fn claude_by_browser() {
    let scene = Scene::of(&["claude"]).await;
    let end = scene.by_browser("claude", "oauth-pkce", "ada").await;
    assert!(end.status == 200 && end.body.contains("byokey"), "{end:?}");
    let account = scene.account("claude").await;
    assert_eq!(account["label"], "ada@example.org");
    assert_eq!(
        (&account["kind"], &account["route"]),
        (&json!("tokens"), &json!("oauth-pkce"))
    );
    scene.answers("claude/sim-large").await;
    let seen = scene.only("https://api.anthropic.com/v1/messages");
    honest(&seen);
    assert!(
        seen.header("authorization")
            .starts_with("Bearer sk-ant-oat01-")
    );
    assert!(seen.header("anthropic-beta").contains("oauth-2025-04-20"));
    assert_eq!(seen.header("x-api-key"), "");
}

#[tokio::test]
async fn claude_by_a_copied_code() {
    let scene = Scene::of(&["claude"]).await;
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    let copied = scene.browser("ada").copies(&page).await;
    let path = format!("/manage/signins/{id}/paste");
    let (status, _) = scene.manage("POST", &path, json!({"text": copied})).await;
    assert_eq!(status, 204);
    scene.step(&id, &["done"]).await;
    scene.answers("claude/sim-large").await;
}

#[tokio::test]
async fn chatgpt_by_browser_and_again_with_its_own_client() {
    let scene = Scene::of(&["openai"]).await;
    scene.by_browser("openai", "siwc", "ada").await;
    scene.answers("openai/sim-large").await;
    let seen = scene.only("https://api.openai.com/v1/responses");
    honest(&seen);
    assert_eq!(
        (&seen.json()["store"], &seen.json()["stream"]),
        (&json!(false), &json!(true))
    );
    // The second time the client that was made is used, and the account is the same one.
    scene.by_browser("openai", "siwc", "ada").await;
    assert_eq!(scene.account("openai").await["label"], "ada@example.org");
    let asked = scene
        .issuer
        .requests("https://auth.openai.com/api/accounts/authorize");
    let [first, second] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert!(first.path.contains("client_id=dynamic_agent_client"));
    assert!(second.path.contains("client_id=oaiapp_"), "{}", second.path);
}

#[tokio::test]
async fn codex_by_browser() {
    let _alone = fixed_ports().await;
    let scene = Scene::of(&["openai"]).await;
    scene.by_browser("openai", "codex-pkce", "ada").await;
    codex(&scene).await;
}

#[tokio::test]
async fn codex_by_code() {
    let scene = Scene::of(&["openai"]).await;
    scene
        .by_code("openai", "codex-device", "ada", Value::Null)
        .await;
    codex(&scene).await;
}

async fn codex(scene: &Scene) {
    let account = scene.account("openai").await;
    assert_eq!(
        (&account["label"], &account["plan"]),
        (&json!("ada@example.org"), &json!("pro"))
    );
    scene.answers("openai/sim-large").await;
    let seen = scene.only("https://chatgpt.com/backend-api/codex/responses");
    honest(&seen);
    assert_eq!(seen.header("chatgpt-account-id"), "org-ada");
    assert_eq!(seen.header("originator"), "byokey");
}

#[tokio::test]
async fn copilot_by_code_with_an_exchanged_token() {
    let scene = Scene::of(&["copilot"]).await;
    scene
        .by_code("copilot", "github-device", "ada", Value::Null)
        .await;
    assert_eq!(scene.account("copilot").await["label"], "ada");
    scene.answers("copilot/sim-large").await;
    let seen = scene.only("https://api.individual.githubcopilot.com/chat/completions");
    honest(&seen);
    assert!(seen.header("authorization").starts_with("Bearer tid="));
    assert_eq!(seen.header("x-initiator"), "user");
    for editor in [
        "editor-version",
        "editor-plugin-version",
        "copilot-integration-id",
    ] {
        assert_eq!(seen.header(editor), "", "{editor}");
    }
}

#[tokio::test]
async fn copilot_by_code_where_github_does_not_exchange() {
    let scene = Scene::of(&["copilot"]).await;
    scene.issuer.copilot_exchange(false);
    scene
        .by_code("copilot", "github-device", "ada", Value::Null)
        .await;
    scene.answers("copilot/sim-large").await;
    let seen = scene.only("https://api.githubcopilot.com/chat/completions");
    assert!(seen.header("authorization").starts_with("Bearer gho_"));
}

#[tokio::test]
async fn gemini_with_a_licence() {
    let scene = Scene::of(&["gemini"]).await;
    scene.by_browser("gemini", "code-assist", "ada").await;
    assert_eq!(scene.account("gemini").await["label"], "ada@example.org");
    scene.answers("gemini/gemini-3-flash").await;
    let asked = "https://cloudcode-pa.googleapis.com/v1internal:generateContent";
    let seen = scene.only(asked);
    honest(&seen);
    assert_eq!(seen.json()["project"], "sim-project-ada");
}

#[tokio::test]
async fn gemini_of_a_private_account_when_allowed() {
    let scene = Scene::with(&["gemini"], "    allow_retired: true\n").await;
    let browser = scene.issuer.browser(User::new("ada").plan("free"));
    let id = scene
        .start("gemini", "code-assist-individual", Value::Null)
        .await;
    let end = browser.consents(&scene.page(&id).await).await;
    let failed = scene.step(&id, &["failed"]).await;
    let words = failed["message"].as_str().unwrap();
    assert!(words.contains("cannot use Gemini Code Assist"), "{failed}");
    assert!(
        !end.body.contains("go back to byokey") || end.status != 200,
        "{}",
        end.body
    );
    assert!(scene.accounts("gemini").await.is_empty());
}

#[tokio::test]
async fn antigravity_by_browser() {
    let scene = Scene::of(&["antigravity"]).await;
    scene.by_browser("antigravity", "google-oauth", "ada").await;
    scene.answers("antigravity/gemini-3-flash").await;
    let asked = "https://daily-cloudcode-pa.googleapis.com/v1internal:generateContent";
    let seen = scene.only(asked);
    honest(&seen);
    assert_eq!(seen.json()["project"], "sim-project-ada");
}

#[tokio::test]
async fn kiro_with_a_builder_id() {
    let scene = Scene::of(&["kiro"]).await;
    scene
        .by_code("kiro", "builder-id-device", "ada", Value::Null)
        .await;
    kiro(&scene, "us-east-1").await;
}

#[tokio::test]
async fn kiro_with_an_organisation_elsewhere() {
    let scene = Scene::of(&["kiro"]).await;
    let more = json!({"fields": {"auth_region": "eu-central-1",
        "start_url": "https://d-0123456789.awsapps.com/start"}});
    let id = scene.start("kiro", "idc-device", more).await;
    let step = scene.step(&id, &["code"]).await;
    let browser = scene
        .issuer
        .browser(User::new("ada").region("eu-central-1"));
    assert!(browser.types(step["code"].as_str().unwrap()));
    scene.step(&id, &["done"]).await;
    kiro(&scene, "eu-central-1").await;
}

#[tokio::test]
async fn kiro_with_an_organisation_by_browser() {
    let scene = Scene::of(&["kiro"]).await;
    let more = json!({"fields": {"start_url": "https://d-0123456789.awsapps.com/start"}});
    let id = scene.start("kiro", "idc-pkce", more).await;
    let page = scene.page(&id).await;
    scene.browser("ada").consents(&page).await;
    scene.step(&id, &["done"]).await;
    kiro(&scene, "us-east-1").await;
}

#[tokio::test]
async fn kiro_with_google_or_github() {
    for (choice, named) in [("Google", "Google"), ("github", "Github")] {
        let scene = Scene::of(&["kiro"]).await;
        scene
            .by_code("kiro", "social-device", "ada", json!({"choice": choice}))
            .await;
        let started = "https://prod.us-east-1.auth.desktop.kiro.dev/oauth/device/authorization";
        assert_eq!(scene.only(started).json()["loginProvider"], named);
        kiro(&scene, "us-east-1").await;
    }
}

async fn kiro(scene: &Scene, region: &str) {
    scene.answers("kiro/claude-sonnet-4.6").await;
    let hosts = ["q", "runtime"].map(|name| match name {
        "q" => format!("https://q.{region}.amazonaws.com/generateAssistantResponse"),
        _ => format!("https://runtime.{region}.kiro.dev/"),
    });
    let seen = hosts.iter().flat_map(|host| scene.issuer.requests(host));
    let seen: Vec<_> = seen.filter(|seen| !seen.body.is_empty()).collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
    honest(&seen[0]);
    let arn = seen[0].json()["profileArn"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(arn.contains(region), "{arn}");
}

#[tokio::test]
async fn kimi_by_code_under_its_own_name() {
    let scene = Scene::of(&["kimi"]).await;
    scene
        .by_code("kimi", "kimi-device", "ada", Value::Null)
        .await;
    assert_eq!(scene.account("kimi").await["label"], "ada@example.org");
    scene.answers("kimi/kimi-for-coding").await;
    let seen = scene.only("https://api.kimi.com/coding/v1/chat/completions");
    honest(&seen);
    let began = "https://auth.kimi.com/api/oauth/device_authorization";
    let device = scene.only(began).header("x-msh-device-id").to_owned();
    assert_eq!(seen.header("x-msh-device-id"), device);
}

#[tokio::test]
async fn kimi_outside_of_china() {
    let scene = Scene::of(&["kimi"]).await;
    scene
        .by_code("kimi", "kimi-device-global", "ada", Value::Null)
        .await;
    assert_eq!(
        scene
            .issuer
            .requests("https://auth.kimi.com/api/oauth/token")
            .len(),
        0
    );
    scene.answers("kimi/kimi-for-coding").await;
}

#[tokio::test]
async fn qwen_by_code_when_allowed() {
    let scene = Scene::with(&["qwen"], "    allow_retired: true\n").await;
    scene
        .by_code("qwen", "oauth-device", "ada", Value::Null)
        .await;
    scene.answers("qwen/coder-model").await;
    let seen = scene.only("https://portal.qwen.ai/v1/chat/completions");
    honest(&seen);
    assert_eq!(seen.header("x-dashscope-authtype"), "qwen-oauth");
}

#[tokio::test]
async fn iflow_by_browser_when_allowed() {
    let _alone = fixed_ports().await;
    let scene = Scene::with(&["iflow"], "    allow_retired: true\n").await;
    scene.by_browser("iflow", "oauth", "ada").await;
    scene.answers("iflow/sim-large").await;
    let seen = scene.only("https://apis.iflow.cn/v1/chat/completions");
    assert!(seen.header("authorization").starts_with("Bearer sk-iflow-"));
}

#[tokio::test]
async fn openrouter_by_browser_yields_a_key() {
    let scene = Scene::of(&["openrouter"]).await;
    scene.by_browser("openrouter", "oauth-pkce", "ada").await;
    assert_eq!(scene.account("openrouter").await["kind"], "key");
    scene.answers("openrouter/sim-large").await;
    let seen = scene.only("https://openrouter.ai/api/v1/chat/completions");
    assert_eq!(seen.header("x-openrouter-title"), "byokey");
    assert_eq!(scene.issuer.alive(Realm::Openrouter), 1);
}

#[tokio::test]
async fn an_openid_provider_of_the_user_s_own_both_ways() {
    let scene = Scene::of(&["own"]).await;
    scene.by_browser("own", "oauth-pkce", "ada").await;
    scene
        .by_code("own", "oauth-device", "grace", Value::Null)
        .await;
    let accounts = scene.accounts("own").await;
    let labels: Vec<_> = accounts.iter().map(|it| &it["label"]).collect();
    assert_eq!(labels, ["ada@example.org", "grace@example.org"]);
    for account in &accounts {
        let name = account["name"].as_str().unwrap();
        scene.answers(&format!("own/{name}/sim-large")).await;
    }
}

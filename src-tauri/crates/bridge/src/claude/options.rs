//! How Claude Code is started for a request: as a plain model, without its own tools, without the
//! user's hooks, memories and servers, and without leaving a conversation on the disk.

use byokey_catalog::Bridge;
use serde_json::Value;

use super::{request::Request, tools::SERVER};
use crate::{BridgeTrouble, Version, bridges::Desk, program::Facts};

/// The oldest release that takes a conversation by line and treats none of it as commands.
pub(super) const OLDEST: Version = Version(2, 1, 300);

/// Options without which a caller's words could meet the user's files or settings.
const NEEDED: &[&str] = &[
    "--include-partial-messages",
    "--input-format",
    "--no-session-persistence",
    "--output-format",
    "--setting-sources",
    "--strict-mcp-config",
    "--tools",
];

/// Variables of every run. They switch off what would mix the program's own doings into the
/// conversation: files named with `@`, memories, summaries, searching for tools, other models, and
/// further tries, which are byokey's to decide.
const VARIABLES: &[(&str, &str)] = &[
    ("CLAUDE_CODE_DISABLE_ATTACHMENTS", "1"),
    ("CLAUDE_CODE_DISABLE_AUTO_MEMORY", "1"),
    ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
    ("CLAUDE_CODE_DISABLE_CLAUDE_MDS", "1"),
    ("CLAUDE_CODE_DISABLE_FILE_MENTIONS", "1"),
    ("CLAUDE_CODE_DISABLE_MODEL_ACCESS_FALLBACK", "1"),
    ("CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK", "1"),
    ("CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK", "1"),
    ("CLAUDE_CODE_DISABLE_TERMINAL_TITLE", "1"),
    ("CLAUDE_CODE_MAX_RETRIES", "0"),
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_AUTO_COMPACT", "1"),
    ("ENABLE_TOOL_SEARCH", "false"),
    // Milliseconds; a caller may take its time, and byokey's own limit is shorter.
    ("MCP_TOOL_TIMEOUT", "86400000"),
    ("MAX_MCP_OUTPUT_TOKENS", "100000000"),
];

/// Sees to it that the program can do what is needed.
///
/// # Errors
/// [`BridgeTrouble::TooOld`], or [`BridgeTrouble::Strange`] when a new release lacks an option.
pub(super) fn check(desk: &Desk<'_>, facts: &Facts) -> Result<(), BridgeTrouble> {
    if facts.version < OLDEST {
        return Err(desk.too_old(facts.version, OLDEST));
    }
    match NEEDED.iter().find(|option| !offers(&facts.help, option)) {
        None => Ok(()),
        Some(option) => Err(BridgeTrouble::Strange {
            program: desk.bridge.program.clone(),
            words: format!("its help does not know {option}"),
        }),
    }
}

/// Arguments for a request; none of them holds a word of the conversation.
pub(super) fn arguments(bridge: &Bridge, facts: &Facts, request: &Request) -> Vec<String> {
    let mut arguments = bridge.run.clone();
    let fixed = [
        "--input-format=stream-json",
        "--no-session-persistence",
        "--setting-sources=",
        "--strict-mcp-config",
        "--tools=",
    ];
    arguments.extend(fixed.map(str::to_owned));
    arguments.push(format!("--model={}", request.model));
    if !request.tools.is_empty() {
        arguments.push(format!("--allowedTools=mcp__{SERVER}"));
    }
    let effort = request
        .members
        .get("output_config")
        .map(|config| &config["effort"]);
    let effort = effort
        .and_then(Value::as_str)
        .filter(|effort| is_word(effort));
    let optional = [
        ("--disable-slash-commands", Some(String::new())),
        ("--effort", effort.map(|effort| format!("={effort}"))),
    ];
    for (option, value) in optional {
        if let Some(value) = value
            && offers(&facts.help, option)
        {
            arguments.push(format!("{option}{value}"));
        }
    }
    arguments
}

/// Variables for a request.
pub(super) fn variables(request: &Request) -> Vec<(&'static str, String)> {
    let fixed = VARIABLES
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let mut variables: Vec<_> = fixed.collect();
    if let Some(most) = request.members.get("max_tokens").and_then(Value::as_u64) {
        variables.push(("CLAUDE_CODE_MAX_OUTPUT_TOKENS", most.to_string()));
    }
    let thinking = request.members.get("thinking");
    match thinking.and_then(|thinking| thinking["type"].as_str()) {
        Some("adaptive") => {}
        Some("enabled") => {
            let budget = thinking.and_then(|thinking| thinking["budget_tokens"].as_u64());
            variables.extend(budget.map(|budget| ("MAX_THINKING_TOKENS", budget.to_string())));
        }
        // The dialect's default; the program's own is to think.
        _ => variables.push(("MAX_THINKING_TOKENS", "0".to_owned())),
    }
    variables
}

/// Whether a help text has an option; one whose name only begins alike does not count.
fn offers(help: &str, option: &str) -> bool {
    let is_end =
        |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-');
    help.match_indices(option)
        .any(|(at, _)| is_end(&help[at + option.len()..]))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn request(more: &Value) -> Request {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "secret words"}], "system": "secret words"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        Request::read(&Bytes::from(body.to_string())).unwrap_or_else(|trouble| panic!("{trouble}"))
    }

    #[test]
    fn thinking_and_length_are_variables() {
        let told = |more: Value| {
            let all = variables(&request(&more));
            let of = |wanted: &str| {
                all.iter()
                    .find(|(name, _)| *name == wanted)
                    .map(|(_, value)| value.clone())
            };
            (
                of("MAX_THINKING_TOKENS"),
                of("CLAUDE_CODE_MAX_OUTPUT_TOKENS"),
            )
        };
        assert_eq!(told(json!({})), (Some("0".to_owned()), None));
        assert_eq!(
            told(json!({"thinking": {"type": "disabled"}, "max_tokens": 7})),
            (Some("0".to_owned()), Some("7".to_owned()))
        );
        assert_eq!(told(json!({"thinking": {"type": "adaptive"}})).0, None);
        assert_eq!(
            told(json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}))
                .0
                .as_deref(),
            Some("2048")
        );
    }

    #[test]
    fn arguments_hold_options_only() {
        let bridge = Bridge {
            program: "claude".to_owned(),
            protocol: byokey_catalog::BridgeProtocol::ClaudeStreamJson,
            run: vec!["-p".to_owned()],
            login: Vec::new(),
            status: Vec::new(),
            logout: Vec::new(),
            install_url: String::new(),
        };
        let facts = Facts {
            version: OLDEST,
            help: "  --effort <level>  Effort\n --tools-x".to_owned(),
        };
        let more = json!({"tools": [{"name": "f", "input_schema": {}}], "output_config": {"effort": "low"}});
        let told = arguments(&bridge, &facts, &request(&more));
        assert!(
            told.contains(&"--effort=low".to_owned())
                && told.contains(&"--allowedTools=mcp__caller".to_owned())
        );
        assert!(
            !told.contains(&"--disable-slash-commands".to_owned()),
            "its help does not know it"
        );
        assert!(!told.iter().any(|argument| argument.contains("secret")));
        let odd = json!({"output_config": {"effort": "low --danger"}});
        assert!(
            !arguments(&bridge, &facts, &request(&odd))
                .iter()
                .any(|argument| argument.contains("danger"))
        );
        assert!(!offers(&facts.help, "--tools") && offers(&facts.help, "--effort"));
    }
}

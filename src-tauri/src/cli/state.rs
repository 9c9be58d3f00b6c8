use byokey_manage::{AccountInfo, StateKind};
use byokey_vault::AccountKind;

use super::when::ago;

/// How an account is, as a person reads it.
pub(super) fn in_words(account: &AccountInfo) -> String {
    if !account.enabled {
        return "off".to_owned();
    }
    let state = &account.state;
    if state.kind.needs_attention() {
        return attention(account);
    }
    if let Some(reason) = &account.idle {
        return format!("not used: {reason}");
    }
    if let Some(failure) = &account.last_error {
        return format!("failed {}: {}", ago(Some(failure.at)), failure.message);
    }
    match (state.kind, account.kind) {
        (StateKind::Refreshing, _) => "refreshing".to_owned(),
        (StateKind::Follows, _) => {
            let owner = account.owner.as_deref().unwrap_or("another program");
            format!("follows {owner}")
        }
        (_, AccountKind::Tokens) => match account.renewed {
            Some(renewed) => format!("fresh, renewed {}", ago(Some(renewed))),
            None => "fresh".to_owned(),
        },
        _ if account.limited => "ready (restricted key)".to_owned(),
        _ => "ready".to_owned(),
    }
}

/// What is wrong with an account, since when, in whose words, and what to do.
pub(super) fn attention(account: &AccountInfo) -> String {
    let state = &account.state;
    let mut text = match state.kind {
        StateKind::NeedsSignIn => "needs sign-in",
        StateKind::NeedsOwner => "needs its owner",
        StateKind::NeedsNotice => "needs notice",
        StateKind::Blocked => "blocked",
        StateKind::Retired => "retired",
        StateKind::Refreshing => "refreshing",
        StateKind::Fresh | StateKind::Follows => "ready",
    }
    .to_owned();
    if let Some(since) = state.since {
        text.push_str(&format!(" ({})", ago(Some(since))));
    }
    for more in [&state.words, &state.next].into_iter().flatten() {
        text.push_str(": ");
        text.push_str(more.trim_end_matches('.'));
    }
    text
}

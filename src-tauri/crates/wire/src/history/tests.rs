use super::*;
use crate::{Call, CallResult};

fn text<'a>(role: Role, at: usize, text: &'a str) -> Message<'a> {
    Message::new(role, at, vec![Block::text(text)])
}

fn calls<'a>(at: usize, said: &'a str, ids: &[&'a str]) -> Message<'a> {
    let mut blocks = vec![Block::text(said)];
    blocks.extend(
        ids.iter()
            .map(|id| Block::new(Body::Call(Call::new(*id, "work", "{}")))),
    );
    Message::new(Role::Assistant, at, blocks)
}

fn result<'a>(at: usize, id: &'a str, text: &'a str) -> Message<'a> {
    let blocks = vec![Block::new(Body::Result(CallResult {
        call_id: id.into(),
        name: None,
        blocks: vec![Block::text(text)],
        is_error: false,
    }))];
    Message::new(Role::User, at, blocks)
}

/// A strict provider's.
fn rules(mid_system: bool) -> Rules {
    Rules {
        mid_system,
        alternate: true,
        no_blanks: false,
        prefill: true,
        opening: Opening::User,
    }
}

/// The conversation in one line per message, and the ledger.
fn repaired(messages: Vec<Message<'_>>, keep_mid_system: bool) -> (Vec<String>, Vec<String>) {
    let mut turn = Turn {
        messages,
        ..Turn::default()
    };
    let mut ledger = Ledger::default();
    order(&mut turn, rules(keep_mid_system), &mut ledger);
    let mut lines: Vec<String> = turn
        .system
        .iter()
        .map(|block| format!("S {}", show(block)))
        .collect();
    lines.extend(turn.messages.iter().map(|message| {
        let role = match message.role {
            Role::System => "s",
            Role::User => "u",
            Role::Assistant => "a",
        };
        let blocks: Vec<_> = message.blocks.iter().map(show).collect();
        format!("{role} {}", blocks.join(" | "))
    }));
    let losses = ledger
        .entries()
        .iter()
        .map(|loss| format!("{}={:?}", loss.path, loss.action).to_lowercase())
        .collect();
    (lines, losses)
}

fn show(block: &Block<'_>) -> String {
    match &block.body {
        Body::Text(text) => text.to_string(),
        Body::Call(call) => format!("call({})", call.id),
        Body::Result(result) => {
            let said: Vec<_> = result.blocks.iter().map(show).collect();
            let mark = if result.is_error { "!" } else { "" };
            format!("res({}{mark}:{})", result.call_id, said.join("+"))
        }
        other => format!("{other:?}"),
    }
}

fn check(messages: Vec<Message<'_>>, lines: &[&str], losses: &[&str]) {
    assert_eq!(repaired(messages, false), (owned(lines), owned(losses)));
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn a_sound_history_stays() {
    check(
        vec![
            text(Role::System, 0, "rule"),
            text(Role::User, 1, "hi"),
            calls(2, "let me see", &["x", "y"]),
            result(3, "x", "1"),
            result(4, "y", "2"),
            text(Role::User, 5, "go on"),
            text(Role::Assistant, 6, "done"),
        ],
        &[
            "S rule",
            "u hi",
            "a let me see | call(x) | call(y)",
            "u res(x:1) | res(y:2) | go on",
            "a done",
        ],
        &[],
    );
}

#[test]
fn a_result_sent_twice_keeps_its_place_and_the_last_payload() {
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "", &["d"]),
            result(2, "d", "one"),
            calls(3, "Next", &["o"]),
            result(4, "d", "two"),
            result(5, "o", "found"),
            result(6, "", "stray"),
        ],
        &[
            "u hi",
            "a call(d)",
            "u res(d:two)",
            "a Next | call(o)",
            "u res(o:found) | stray",
        ],
        &["messages[4]=approximated", "messages[6]=approximated"],
    );
}

#[test]
fn explicit_ids_are_matched_before_nameless_results() {
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "", &["a", "b", "c"]),
            result(2, "", "first open"),
            result(3, "a", "named"),
            result(4, "", "second open"),
        ],
        &[
            "u hi",
            "a call(a) | call(b) | call(c)",
            "u res(a:named) | res(b:first open) | res(c:second open)",
        ],
        &[],
    );
}

#[test]
fn a_leading_result_becomes_text() {
    check(
        vec![result(0, "x", "lost"), text(Role::User, 1, "hi")],
        &["u lost | hi"],
        &["messages[0]=approximated"],
    );
}

#[test]
fn calls_that_share_an_id_go_with_their_results() {
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "both", &["d", "d"]),
            result(2, "d", "1"),
            result(3, "d", "2"),
            text(Role::User, 4, "next"),
        ],
        &["u hi", "a both", "u next"],
        &["messages[1]=dropped", "messages[1]=dropped"],
    );
}

#[test]
fn an_id_may_return_in_a_later_round() {
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "", &["d"]),
            calls(2, "", &["e"]),
            result(3, "e", "0"),
            result(4, "d", "1"),
            calls(5, "", &["d"]),
            result(6, "d", "2"),
        ],
        &[
            "u hi",
            "a call(d) | call(e)",
            "u res(d:1) | res(e:0)",
            "a call(d)",
            "u res(d:2)",
        ],
        &[],
    );
}

#[test]
fn an_open_call_of_an_earlier_round_gets_no_result() {
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "", &["d"]),
            text(Role::User, 2, "never mind"),
            calls(3, "", &["d"]),
            result(4, "d", "2"),
        ],
        &[
            "u hi",
            "a call(d)",
            "u res(d!:no result) | never mind",
            "a call(d)",
            "u res(d:2)",
        ],
        &["messages[1]=synthesised"],
    );
}

#[test]
fn results_move_up_and_texts_make_room() {
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "", &["x"]),
            text(Role::Assistant, 2, "while we wait"),
            text(Role::User, 3, "Approved"),
            result(4, "x", "ok"),
            text(Role::User, 5, "next"),
        ],
        &[
            "u hi",
            "a while we wait | call(x)",
            "u res(x:ok) | Approved | next",
        ],
        &["messages[2]=moved", "messages[4]=moved"],
    );
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "", &["x"]),
            text(Role::User, 2, "well?"),
            text(Role::Assistant, 3, "coming"),
            result(4, "x", "ok"),
        ],
        &["u hi", "a call(x)", "u res(x:ok) | well?", "a coming"],
        &["messages[4]=moved"],
    );
}

#[test]
fn system_text_goes_to_the_top_until_the_model_has_spoken() {
    let history = || {
        vec![
            text(Role::User, 0, "hi"),
            text(Role::System, 1, "rule"),
            text(Role::User, 2, "more"),
            calls(3, "", &["x"]),
            text(Role::System, 4, "late rule"),
            result(5, "x", "ok"),
        ]
    };
    check(
        history(),
        &[
            "S rule",
            "u hi | more",
            "a call(x)",
            "u res(x:ok) | <system-reminder>\nlate rule\n</system-reminder>",
        ],
        &[
            "messages[1]=moved",
            "messages[4]=approximated",
            "messages[5]=moved",
        ],
    );
    let (lines, losses) = repaired(history(), true);
    assert_eq!(lines[2..], ["a call(x)", "u res(x:ok)", "s late rule"]);
    assert_eq!(losses, ["messages[1]=moved", "messages[5]=moved"]);
}

#[test]
fn a_person_speaks_first() {
    check(
        vec![text(Role::System, 0, "S")],
        &["S S", "u Continue."],
        &["messages=synthesised"],
    );
    check(
        vec![
            text(Role::Assistant, 0, "Hello!"),
            text(Role::User, 1, "hi"),
        ],
        &["u Continue.", "a Hello!", "u hi"],
        &["messages=synthesised"],
    );
}

#[test]
fn calls_without_an_id_get_one() {
    check(
        vec![
            text(Role::User, 0, "hi"),
            calls(1, "", &["e", ""]),
            result(2, "", "x"),
            result(3, "", "y"),
        ],
        &[
            "u hi",
            "a call(e) | call(call_1_1)",
            "u res(e:x) | res(call_1_1:y)",
        ],
        &["messages[1]=synthesised"],
    );
}

use super::*;
use crate::{Tool, Usage};

fn start<'a>() -> Event<'a> {
    Event::Start {
        id: "r1".into(),
        model: "m".into(),
    }
}

fn block<'a>(index: usize, kind: BlockKind<'a>, pieces: Vec<Piece<'a>>) -> Vec<Event<'a>> {
    let mut events = vec![Event::BlockStart { index, kind }];
    let delta = |piece| Event::Delta { index, piece };
    events.extend(pieces.into_iter().map(delta));
    events.push(Event::BlockStop { index });
    events
}

fn finish<'a>(reason: crate::Finish) -> Event<'a> {
    Event::Finish {
        reason,
        native: "x".into(),
        stop_sequence: None,
    }
}

fn restore(caller: Dialect, turn: &Turn<'_>) -> Restore {
    let names = ToolNames::of(turn, Dialect::Messages);
    Restore::of(turn, caller, names, "o").begin(7, true)
}

fn shown(restore: &mut Restore, events: Vec<Event<'_>>) -> Vec<String> {
    let mut seen = Vec::new();
    for event in events {
        restore.event(event, &mut |event| {
            seen.push(match event {
                Event::BlockStart {
                    kind:
                        BlockKind::Call {
                            id,
                            name,
                            form,
                            namespace,
                        },
                    ..
                } => format!("call {id} {namespace:?} {name} {form:?}"),
                Event::BlockStart { kind, .. } => format!("{kind:?}"),
                Event::Delta { piece, .. } => format!("{piece:?}"),
                Event::BlockStop { .. } => "stop".to_owned(),
                Event::Finish { reason, .. } => format!("{reason:?}"),
                _ => return,
            });
        });
    }
    seen
}

fn custom(namespace: Option<&'static str>, name: &'static str) -> Tool<'static> {
    Tool {
        namespace: namespace.map(Cow::Borrowed),
        ..Tool::new(name, ToolInput::FreeText)
    }
}

#[test]
fn free_text_and_names_come_back() {
    let turn = Turn {
        tools: vec![
            custom(Some("ns"), "patch"),
            custom(None, "both"),
            Tool::new("both", ToolInput::Schema(None)),
        ],
        ..Turn::default()
    };
    let wrapped = |at: usize| Piece::Arguments([r#"{"input":"a\n"#, r#"b"}"#][at].into());
    let both = || vec![wrapped(0), wrapped(1)];
    let mut restore = restore(Dialect::Responses, &turn);
    let mut events = vec![start()];
    events.extend(block(0, BlockKind::call("1", "ns__patch"), both()));
    events.extend(block(1, BlockKind::call("2", "both"), both()));
    // Cut in its middle.
    events.extend(block(2, BlockKind::call("3", "ns__patch"), both()));
    events.truncate(events.len() - 2);
    events.push(finish(crate::Finish::Length));
    assert_eq!(
        shown(&mut restore, events),
        [
            r#"call 1 Some("ns") patch Text"#,
            r#"Arguments("a\nb")"#,
            "stop",
            "call 2 None both Json",
            r#"Arguments("{\"input\":\"a\\n")"#,
            r#"Arguments("b\"}")"#,
            "stop",
            r#"call 3 Some("ns") patch Text"#,
            r#"Arguments("a\n")"#,
            "Length",
        ]
    );
}

#[test]
fn a_reply_that_came_as_a_call_is_text() {
    let mut restore = restore(Dialect::Chat, &Turn::default());
    restore.expect_reply_tool();
    let pieces = vec![
        Piece::Arguments("{\"a\"".into()),
        Piece::Arguments(":1}".into()),
    ];
    let mut events = vec![start(), Event::Usage(Usage::default())];
    events.extend(block(0, BlockKind::call("1", REPLY_TOOL), pieces));
    assert_eq!(
        shown(&mut restore, events),
        ["Text", r#"Text("{\"a\"")"#, r#"Text(":1}")"#, "stop"]
    );
    assert!(restore.memories().is_empty());
}

#[test]
fn calls_without_ids_get_some_and_are_remembered_by_them() {
    let reply = || {
        let mut events = vec![start()];
        let thought = vec![Piece::Text("hm".into()), Piece::Signature("s".into())];
        events.extend(block(0, BlockKind::Thinking, thought));
        events.extend(block(1, BlockKind::Redacted("r".into()), vec![]));
        events.extend(block(
            2,
            BlockKind::call("", "f"),
            vec![Piece::Signature("c".into())],
        ));
        events.extend(block(3, BlockKind::call("", "f"), vec![]));
        events
    };
    let thinking = vec![
        (
            "hm".to_owned(),
            Proof::Signature(origin::tag("s", "o").into()),
        ),
        (
            String::new(),
            Proof::Redacted(origin::tag_redacted("r", "o").into()),
        ),
    ];
    for (caller, mark, keeps) in [
        (Dialect::Chat, "call call_", true),
        (Dialect::Gemini, "call call_", true),
        (Dialect::Messages, "call toolu_", false),
        (Dialect::Responses, "call call_", false),
    ] {
        let mut restore = restore(caller, &Turn::default());
        let seen = shown(&mut restore, reply());
        let ids: Vec<&str> = seen
            .iter()
            .filter(|line| line.starts_with(mark))
            .map(|line| line.split(' ').nth(1).unwrap())
            .collect();
        assert!(ids.len() == 2 && ids[0] != ids[1], "{seen:?}");
        let thinking = if keeps { thinking.clone() } else { Vec::new() };
        let memory = |call: Option<&str>| Memory {
            thinking: thinking.clone(),
            call: call.map(|proof| origin::tag(proof, "o")),
        };
        let mut expected = vec![(ids[0].to_owned(), memory(Some("c")))];
        if keeps {
            expected.push((ids[1].to_owned(), memory(None)));
        }
        assert_eq!(restore.memories(), expected, "{caller:?}");
    }
}

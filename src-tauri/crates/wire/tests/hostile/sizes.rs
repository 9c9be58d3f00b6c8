//! Much of everything: a million keys, twenty thousand levels, long names.

use byokey_wire::Dialect;

use crate::requests::{with_schema, with_text, with_unknown};
use crate::{CALLERS, send, translated, upstreams};

/// An object with a million members.
fn million() -> String {
    let mut object = String::with_capacity(12 << 20);
    object.push('{');
    for nth in 0..1_000_000 {
        if nth > 0 {
            object.push(',');
        }
        object.push_str(&format!("\"k{nth}\":0"));
    }
    object.push('}');
    object
}

/// One provider is enough where the reading is what is tried.
fn first(caller: Dialect) -> Dialect {
    upstreams(caller)[0]
}

#[test]
fn a_million_keys() {
    let million = million();
    for caller in CALLERS {
        for pattern in [with_schema(caller).to_owned(), with_unknown(caller)] {
            let body = pattern.replace('%', &million);
            assert!(translated(caller, first(caller), body.as_bytes()).is_ok());
        }
        // As members of the request itself.
        let members = &million[1..million.len() - 1];
        let body = with_text(caller).replace('%', "\"u\"");
        let body = body.replacen('{', &format!("{{{members},"), 1);
        let translated = translated(caller, first(caller), body.as_bytes()).unwrap();
        let told = translated.losses.entries().len();
        assert!(
            (1..10_000).contains(&told),
            "{caller:?}: {told} losses kept"
        );
    }
}

#[test]
fn twenty_thousand_levels() {
    for caller in CALLERS {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"type\":", "}]")] {
            let deep = open.repeat(20_000) + "1" + &close.repeat(20_000);
            for pattern in [
                with_schema(caller).to_owned(),
                with_text(caller).to_owned(),
                with_unknown(caller),
            ] {
                send(caller, pattern.replace('%', &deep).as_bytes(), |_, _| {});
            }
        }
        let schema = r#"{"properties":{"a":"#.repeat(10_000) + "{}" + &"}}".repeat(10_000);
        send(
            caller,
            with_schema(caller).replace('%', &schema).as_bytes(),
            |_, _| {},
        );
    }
}

#[test]
fn long_names_and_many_tools() {
    for caller in CALLERS {
        let body = with_schema(caller).replace('%', "0");
        let long = body.replace("\"f\"", &format!("\"{}\"", "é".repeat(10_000)));
        send(caller, long.as_bytes(), |upstream, result| {
            assert!(
                result.is_ok(),
                "{caller:?} to {upstream:?}: {:?}",
                result.err()
            );
        });
        let nameless = body.replace("\"f\"", "\"\"");
        send(caller, nameless.as_bytes(), |_, _| {});
    }
}

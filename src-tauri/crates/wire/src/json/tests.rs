use super::*;

members! {
    #[derive(Debug)]
    struct Sample<'a> {
        name: Text<'a> = "name" | "title",
        count: Count = "count",
        stop: OneOrMany<Text<'a>> = "stop",
    }
}

#[test]
fn members_borrow_and_list_the_rest() {
    let body = br#"{"title":"plain","odd":{"x":[1]},"count":3.0,"stop":"a","na\u006de":"q\"","n":null,"m":7}"#;
    let sample: Sample<'_> = request(body).unwrap();
    assert_eq!(&*sample.name.unwrap(), "q\"");
    assert_eq!(sample.count, Some(Count(3)));
    assert_eq!(sample.stop.unwrap().0.len(), 1);
    assert_eq!(sample.unknown, ["odd", "m"]);
    let sample: Sample<'_> = request(br#"{"name":"plain","count":null}"#).unwrap();
    assert!(matches!(sample.name.unwrap().0, Cow::Borrowed("plain")));
    assert_eq!(sample.count, None);
}

#[test]
fn faults_name_the_place_and_no_value() {
    for (body, expected) in [
        (&b"{\"name\":\"\xff\"}"[..], "not UTF-8 (byte 9)"),
        (br#"{"name":"x"#, "not valid JSON (line 1"),
        (
            br#"{"count":"sk-secret, expected y"}"#,
            "expected a whole number",
        ),
        (br#"{"count":-1}"#, "expected a whole number"),
        (br#"{"count":1.5}"#, "expected a whole number"),
        (br#"{"name":["sk-secret"]}"#, "expected a string"),
        (br#"[]"#, "expected an object"),
    ] {
        let fault = request::<Sample<'_>>(body).err().unwrap();
        assert!(fault.message.contains(expected), "{}", fault.message);
        assert!(!fault.message.contains("sk-secret"), "{}", fault.message);
    }
}

#[test]
fn mends_half_characters_only() {
    for (body, expected) in [
        (r#""plain \n \u00e9""#, None),
        (r#""\ud83d\ude00""#, None),
        (r#""\\ud800""#, None),
        (r#""\ud800""#, Some(r#""\ufffd""#)),
        (r#""\uDC00x\uD83D\uDE00""#, Some(r#""\ufffdx\uD83D\uDE00""#)),
        (r#""\ud800\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
        (r#""\ud83d"#, Some(r#""\ufffd"#)),
        (r#""\ud8"#, None),
        (r#""\"#, None),
    ] {
        assert_eq!(
            mend(body.as_bytes()).as_deref(),
            expected.map(str::as_bytes),
            "{body}"
        );
    }
}

#[test]
fn compact_json_stays_on_one_line() {
    for (json, expected) in [
        (
            "{ \"a b\" : [1,\n\t2 ] ,\r\n\"c\":\"x \\\" \\\\\" }",
            "{\"a b\":[1,2],\"c\":\"x \\\" \\\\\"}",
        ),
        ("\"é \"", "\"é \""),
        ("1", "1"),
        ("", ""),
    ] {
        let mut out = Vec::new();
        write_compact(&mut out, json);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

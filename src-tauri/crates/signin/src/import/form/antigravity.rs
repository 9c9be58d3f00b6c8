//! Antigravity's login: a keychain item since 2.0, before that a row of its editor's state, written
//! as protobuf. Only the few members that are needed are taken out of that, by hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use byokey_vault::Secret;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Hidden, Moment, Read, Unread, gemini, json};

/// The row of versions before 1.16.5 that holds the login as its sixth member.
const OLD_KEY: &str = "jetskiStateSync.agentManagerInitState";
const OLD_MEMBER: u64 = 6;
/// The entry of the newer row.
const ENTRY: &[u8] = b"oauthTokenInfoSentinelKey";
/// Mark of the library that some systems' items are written with.
const ENCODED: &[u8] = b"go-keyring-base64:";

#[derive(Deserialize)]
struct Item {
    token: Option<Token>,
}

#[derive(Deserialize)]
struct Token {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expiry: Option<Moment>,
}

/// The keychain item.
pub(super) fn item(bytes: &[u8]) -> Result<Read, Unread> {
    let decoded;
    let bytes = match bytes.strip_prefix(ENCODED) {
        Some(encoded) => {
            decoded = base64(encoded)?;
            &decoded
        }
        None => bytes,
    };
    let item: Item = json(bytes)?;
    let token = item.token.ok_or(Unread::SignedOut)?;
    gemini::tokens(token.access_token, token.refresh_token, token.expiry)
}

/// The row of the editor's state. The newer one is a list of entries, each a name and a value; the
/// value is base64 once more.
pub(super) fn state(bytes: &[u8], key: &str) -> Result<Read, Unread> {
    let outer = base64(bytes)?;
    if key == OLD_KEY {
        let login = member(&outer, OLD_MEMBER).ok_or(Unread::SignedOut)?;
        return tokens(login);
    }
    for entry in members(&outer, 1) {
        if member(entry, 1) == Some(ENTRY) {
            let value = member(entry, 2).and_then(|value| member(value, 1));
            let login = base64(value.ok_or(Unread::SignedOut)?)?;
            return tokens(&login);
        }
    }
    Err(Unread::SignedOut)
}

/// Members: 1 access token, 3 refresh token, 4 the end as seconds in its member 1.
fn tokens(login: &[u8]) -> Result<Read, Unread> {
    let text = |number| {
        let bytes = member(login, number).filter(|bytes| !bytes.is_empty())?;
        Some(Secret::new(str::from_utf8(bytes).ok()?))
    };
    let access = text(1).ok_or(Unread::SignedOut)?;
    let seconds = member(login, 4).and_then(|end| number(end, 1));
    let expires = seconds
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(Read::tokens(access, text(3), expires))
}

fn base64(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let decoded = STANDARD.decode(bytes.trim_ascii());
    decoded
        .map(Zeroizing::new)
        .map_err(|_| Unread::NotUnderstood)
}

/// A member of a protobuf message.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// Walks over the members of a message; ends where it is none any more.
struct Members<'a>(&'a [u8]);

impl<'a> Iterator for Members<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = varint(&mut self.0)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            1 => skip(&mut self.0, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                Value::Bytes(self.0.split_off(..length)?)
            }
            5 => skip(&mut self.0, 4)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

fn skip<'a>(rest: &mut &'a [u8], length: usize) -> Option<Value<'a>> {
    rest.split_off(..length)?;
    Some(Value::Other)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn members(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    Members(message).filter_map(move |(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

fn member(message: &[u8], wanted: u64) -> Option<&[u8]> {
    members(message, wanted).next()
}

fn number(message: &[u8], wanted: u64) -> Option<u64> {
    Members(message).find_map(|(number, value)| match value {
        Value::Number(it) if number == wanted => Some(it),
        _ => None,
    })
}

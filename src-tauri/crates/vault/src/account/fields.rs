//! Values that stand beside an account's key: a resource's name, a region, a user.
//!
//! They are no secrets and lie readable in the row, but they end up in the host that the key is sent
//! to. So each key is sealed together with them: a value edited in the file opens nothing.

use std::collections::BTreeMap;

use crate::VaultError;

/// Values beside a key, by the catalogue's names for them.
pub type Fields = BTreeMap<String, String>;

const MOST: usize = 16;
const LONGEST: usize = 128;

/// Takes changes over into `fields`; an empty value takes the name away.
pub(super) fn change<'a>(
    fields: &mut Fields,
    changes: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), VaultError> {
    for (name, value) in changes {
        check("name of a field", name)?;
        if value.is_empty() {
            fields.remove(name);
        } else {
            check("value of a field", value)?;
            fields.insert(name.to_owned(), value.to_owned());
        }
    }
    if fields.len() > MOST {
        return Err(VaultError::BadName {
            what: "number of fields",
            why: "an account may have 16 at most",
        });
    }
    Ok(())
}

/// As the row keeps them.
pub(super) fn to_text(fields: &Fields) -> String {
    serde_json::to_string(fields).unwrap_or_default()
}

/// Back from the row. Text that is none of ours reads as no fields; the key does not open with those.
pub(super) fn from_text(text: &str) -> Fields {
    serde_json::from_str(text).unwrap_or_default()
}

/// As the seal covers them: one way to write each set. [`check`] keeps `=` and `,` out of the parts.
pub(super) fn to_seal(fields: &Fields) -> String {
    let parts: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.join(",")
}

/// Names and values go into addresses, so they are of letters that cannot leave their place there.
fn check(what: &'static str, text: &str) -> Result<(), VaultError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.len() <= LONGEST && !text.is_empty() && text.bytes().all(plain) {
        return Ok(());
    }
    Err(VaultError::BadName {
        what,
        why: "it must have 1 to 128 letters, digits, `-`, `_` or `.`",
    })
}

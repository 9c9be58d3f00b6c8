use std::collections::BTreeMap;
use std::fmt;

use byokey_catalog::{Catalog, Import};
use byokey_vault::{Account, IssuedClient, Secret};
use jiff::Timestamp;

use super::form::{self, Held, Read};
use super::place::{Beside, Piece, fetch};
use super::spot::Spot;
use super::{Machine, Unread};

/// The owner's token as it is now.
pub struct FollowedToken {
    /// What requests carry.
    pub access: Secret,
    /// When it ends, if the owner knows.
    pub expires: Option<Timestamp>,
    /// What requests need beside it, under the names that byokey's own token sets use.
    pub extra: BTreeMap<String, String>,
}

/// Why an account's owner gives no token. Its text tells the person what happened and what to do;
/// it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowTrouble {
    owner: String,
    place: String,
    renew: Option<String>,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Unread(Unread),
    Expired,
    OtherPerson,
    NoSource,
}

impl FollowTrouble {
    /// Whether it may be over in a moment without anybody doing something: the owner is writing,
    /// the keychain is busy or locked. A token that still lives may be used on meanwhile.
    pub fn passes(&self) -> bool {
        matches!(self.why, Why::Unread(unread) if unread.passes())
    }

    /// Whether it is over as soon as the owner has written its file.
    pub(crate) fn is_brief(&self) -> bool {
        matches!(self.why, Why::Unread(Unread::Busy | Unread::NotUnderstood))
    }
}

/// What to tell a person when the provider refuses the token that the owner keeps; `said` are the
/// provider's words.
pub(crate) fn refused_by_provider(catalog: &Catalog, account: &Account, said: &str) -> String {
    let renew = row_and_spot(catalog, account).and_then(|(import, _)| import.renew.as_deref());
    let renew = renew.unwrap_or("sign in there again");
    let owner = account.owner.as_deref().unwrap_or_default();
    let said = match said {
        "" => String::new(),
        said => format!(" ({said})"),
    };
    format!("the provider refuses the login of {owner}{said}: {renew}, or sign in with byokey")
}

impl std::error::Error for FollowTrouble {}

impl fmt::Display for FollowTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, place, .. } = self;
        let renew = self.renew.as_deref().unwrap_or("sign in there again");
        let or = "or sign in with byokey";
        match self.why {
            Why::Expired => write!(f, "the login of {owner} has expired: {renew}, {or}"),
            Why::Unread(Unread::SignedOut | Unread::Missing) => {
                write!(f, "{owner} is signed out: {renew}, {or}")
            }
            Why::Unread(unread) => write!(f, "the login of {owner} in {place}: {unread}"),
            Why::OtherPerson => write!(
                f,
                "{owner} is signed in with another account now: sign in there with the one that \
                 byokey knows, or import the other one, too"
            ),
            Why::NoSource => write!(
                f,
                "this byokey does not know how to read the login of {owner}: import it again"
            ),
        }
    }
}

/// Reads the token of an account that follows another program from that program's place: always
/// anew, without writing or asking any server. It is one that still lives at `now`. Blocks for as
/// long as [`Importer`](super::Importer) says.
///
/// # Errors
/// [`FollowTrouble`]; the account waits for its owner unless that passes.
pub fn read_followed(
    machine: &Machine,
    catalog: &Catalog,
    account: &Account,
    now: Timestamp,
) -> Result<FollowedToken, FollowTrouble> {
    let owner = account.owner.clone().unwrap_or_default();
    let mut trouble = FollowTrouble {
        owner,
        place: String::new(),
        renew: None,
        why: Why::NoSource,
    };
    let Some((import, spot)) = row_and_spot(catalog, account) else {
        return Err(trouble);
    };
    trouble.place = spot.at.shown(machine);
    trouble.renew.clone_from(&import.renew);
    let judged = there(machine, import, &spot)
        .map_err(Why::Unread)
        .and_then(|read| judge(account, read, now));
    judged.map_err(|why| FollowTrouble { why, ..trouble })
}

/// Where an account's login lies, and the row by which it was found.
pub(super) fn row_and_spot<'a>(
    catalog: &'a Catalog,
    account: &Account,
) -> Option<(&'a Import, Spot)> {
    let spot: Spot = account.source.as_deref()?.parse().ok()?;
    let route = catalog.provider(&account.provider)?.route(&account.route)?;
    let same_owner = |import: &&Import| Some(&import.owner) == account.owner.as_ref();
    let mut imports = route.imports.iter().filter(same_owner);
    let import = imports.find(|import| import.form == spot.form && spot.at.is_of(&import.at))?;
    Some((import, spot))
}

/// The login that lies there now.
pub(super) fn there(machine: &Machine, import: &Import, spot: &Spot) -> Result<Read, Unread> {
    let piece = piece(machine, spot)?;
    let beside = Beside {
        machine,
        at: &piece.at,
    };
    let reads = form::read(spot.form, import.entry.as_deref(), &piece, &beside)?;
    let named = !piece.name.is_empty();
    let mut reads = reads.into_iter();
    let read = reads.find(|read| named || read.entry == spot.entry);
    read.ok_or(Unread::SignedOut)
}

/// The client that the owner registered for the login, where renewing needs it.
pub(super) fn registration(
    machine: &Machine,
    import: &Import,
    spot: &Spot,
) -> Option<IssuedClient> {
    let piece = piece(machine, spot).ok()?;
    let beside = Beside {
        machine,
        at: &piece.at,
    };
    form::registration(import.form, &piece, &beside)
}

fn piece(machine: &Machine, spot: &Spot) -> Result<Piece, Unread> {
    let pieces = fetch(&spot.at, spot.form, machine)?;
    let meant = |name: &str| name.is_empty() || name == spot.entry;
    let piece = pieces.into_iter().find(|piece| meant(&piece.name));
    piece.ok_or(Unread::SignedOut)
}

fn judge(account: &Account, read: Read, now: Timestamp) -> Result<FollowedToken, Why> {
    let other = |known: &String| read.who.subject.as_ref().is_some_and(|it| it != known);
    if account.identity.as_ref().is_some_and(other) {
        return Err(Why::OtherPerson);
    }
    let Held::Tokens {
        access, expires, ..
    } = read.held
    else {
        return Err(Why::Unread(Unread::SignedOut));
    };
    if expires.is_some_and(|end| end <= now) {
        return Err(Why::Expired);
    }
    Ok(FollowedToken {
        access,
        expires,
        extra: read.extra,
    })
}

//! Which notices a person has accepted.

use jiff::Timestamp;
use rusqlite::params;

use crate::vault::{check_name, from_millis, now_millis};
use crate::{Actor, Vault, VaultError, audit};

/// A notice that a person accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedNotice {
    /// The notice's id.
    pub id: String,
    /// The version of its text; a newer one wants to be accepted again.
    pub version: u32,
    /// When it was accepted.
    pub at: Timestamp,
}

impl Vault {
    /// Records that a person accepted this version of a notice.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn accept_notice(&self, id: &str, version: u32, by: Actor) -> Result<(), VaultError> {
        check_name("notice id", id)?;
        self.write(|tx| {
            tx.execute(
                "INSERT INTO notice (id, version, at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET version = excluded.version, at = excluded.at",
                params![id, version, now_millis()],
            )?;
            let subject = format!("{id} version {version}");
            audit::append(tx, self.sealer(), &by, "notice.accept", &subject)
        })
    }

    /// The accepted notices.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn notices(&self) -> Result<Vec<AcceptedNotice>, VaultError> {
        let db = self.read();
        let mut query = db.prepare_cached("SELECT id, version, at FROM notice ORDER BY id")?;
        let rows = query.query_map([], |row| {
            Ok(AcceptedNotice {
                id: row.get(0)?,
                version: row.get(1)?,
                at: from_millis(row.get(2)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::in_memory;

    #[test]
    fn a_newer_version_takes_the_place_of_the_older() {
        let vault = in_memory();
        vault.accept_notice("claude-oauth", 1, Actor::Cli).unwrap();
        vault
            .accept_notice("claude-oauth", 2, Actor::Window)
            .unwrap();
        let accepted = vault.notices().unwrap();
        assert_eq!(accepted.len(), 1);
        assert_eq!((&*accepted[0].id, accepted[0].version), ("claude-oauth", 2));
    }
}

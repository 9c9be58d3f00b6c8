//! Sign-ins that wait for a person. What they need to go on (a verifier, a device code) is a secret,
//! so it is sealed like any other.

use jiff::Timestamp;
use rusqlite::params;

use crate::seal::Place;
use crate::vault::{check_name, from_millis, now_millis};
use crate::{Secret, Vault, VaultError};

/// A sign-in that waits.
pub struct PendingSignIn {
    /// Its id.
    pub id: String,
    /// The provider's id.
    pub provider: String,
    /// When it is given up.
    pub expires: Timestamp,
    /// What it needs to go on, in whatever form it was kept.
    pub content: Secret,
}

/// Far more than one person has in hand at a time.
const MOST: i64 = 32;

impl Vault {
    /// Keeps a waiting sign-in, or replaces what was kept of it. Those that are over are forgotten.
    ///
    /// # Errors
    /// When it cannot be stored, or far too many wait.
    pub fn keep_pending(&self, pending: &PendingSignIn) -> Result<(), VaultError> {
        check_name("sign-in id", &pending.id)?;
        check_name("provider id", &pending.provider)?;
        self.write(|tx| {
            tx.execute("DELETE FROM pending WHERE expires <= ?1", [now_millis()])?;
            let others: i64 = tx.query_row(
                "SELECT count(*) FROM pending WHERE id <> ?1",
                [&pending.id],
                |row| row.get(0),
            )?;
            if others >= MOST {
                return Err(VaultError::BadName {
                    what: "sign-in",
                    why: "too many are waiting already: cancel some",
                });
            }
            self.count_seal(tx)?;
            let place = place(&pending.provider, &pending.id);
            let plain = pending.content.expose().as_bytes();
            let envelope = self.sealer().seal(place, plain)?;
            tx.execute(
                "INSERT INTO pending (id, provider, expires, envelope) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET expires = excluded.expires, envelope = excluded.envelope",
                params![
                    pending.id,
                    pending.provider,
                    pending.expires.as_millisecond(),
                    envelope
                ],
            )?;
            Ok(())
        })
    }

    /// The sign-ins that still wait. One whose row was changed or moved is left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pending(&self) -> Result<Vec<PendingSignIn>, VaultError> {
        let db = self.read();
        let mut query = db.prepare_cached(
            "SELECT id, provider, expires, envelope FROM pending WHERE expires > ?1 ORDER BY expires",
        )?;
        let rows = query.query_map([now_millis()], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get(2)?,
                row.get::<_, Vec<u8>>(3)?,
            ))
        })?;
        let mut waiting = Vec::new();
        for row in rows {
            let (id, provider, expires, envelope) = row?;
            if let Ok(content) = self.sealer().open(place(&provider, &id), &envelope) {
                waiting.push(PendingSignIn {
                    id,
                    provider,
                    expires: from_millis(expires),
                    content,
                });
            }
        }
        Ok(waiting)
    }

    /// Forgets a waiting sign-in; that it is unknown is fine.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn drop_pending(&self, id: &str) -> Result<(), VaultError> {
        self.write(|tx| {
            tx.execute("DELETE FROM pending WHERE id = ?1", [id])?;
            Ok(())
        })
    }
}

fn place<'a>(provider: &'a str, id: &'a str) -> Place<'a> {
    Place {
        provider,
        account: 0,
        field: "pending",
        origin: id,
        fields: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{in_memory, on_disk};

    fn waiting(id: &str, seconds: i64) -> PendingSignIn {
        PendingSignIn {
            id: id.to_owned(),
            provider: "claude".to_owned(),
            expires: from_millis(now_millis() + seconds * 1000),
            content: Secret::new("verifier"),
        }
    }

    #[test]
    fn a_waiting_sign_in_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        on_disk(dir.path())
            .keep_pending(&waiting("a", 600))
            .unwrap();
        let vault = on_disk(dir.path());
        let found = vault.pending().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].content.expose(), "verifier");
        vault.drop_pending("a").unwrap();
        vault.drop_pending("a").unwrap();
        assert!(vault.pending().unwrap().is_empty());
    }

    #[test]
    fn one_that_is_over_is_gone() {
        let vault = in_memory();
        vault.keep_pending(&waiting("old", -1)).unwrap();
        assert!(vault.pending().unwrap().is_empty());
    }

    #[test]
    fn a_row_that_was_moved_does_not_open() {
        let vault = in_memory();
        vault.keep_pending(&waiting("a", 600)).unwrap();
        vault
            .write(|tx| Ok(tx.execute("UPDATE pending SET id = 'b'", [])?))
            .unwrap();
        assert!(vault.pending().unwrap().is_empty());
    }

    #[test]
    fn their_number_is_bounded() {
        let vault = in_memory();
        for number in 0..MOST {
            vault
                .keep_pending(&waiting(&format!("n{number}"), 600))
                .unwrap();
        }
        assert!(vault.keep_pending(&waiting("more", 600)).is_err());
        // One that is kept already may still be updated.
        vault.keep_pending(&waiting("n0", 600)).unwrap();
    }
}

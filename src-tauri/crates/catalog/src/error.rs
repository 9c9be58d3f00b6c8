use thiserror::Error;

/// Why a catalogue could not be built or a row not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A data file of the crate does not have the form of its rows.
    #[error("catalogue file {file} is damaged: {reason}")]
    File {
        /// File name under `data/`.
        file: String,
        /// What the reader says, with line and column.
        reason: String,
    },
    /// Two providers answer to the same id or alias.
    #[error("provider name `{0}` is taken")]
    NameTaken(String),
    /// A provider id holds something else than `a-z`, `0-9`, `-`, `_` and `.`.
    #[error("provider name `{0}` may hold only a-z, 0-9, `-`, `_` and `.`")]
    BadName(String),
    /// A URL is neither https nor http to this machine.
    #[error("{url}: must be https, or http to this machine")]
    Insecure {
        /// The URL as given.
        url: String,
    },
    /// A URL names a value, such as a region, that the account does not have.
    #[error("`{name}` is needed to build this provider's address")]
    Missing {
        /// Name of the [`Field`](crate::Field).
        name: String,
    },
    /// A value given for a URL is not a plain host or path label.
    #[error("`{name}` may hold only letters, digits, `-`, `_` and `.`")]
    BadValue {
        /// Name of the [`Field`](crate::Field).
        name: String,
    },
    /// A route names a notice that no row has.
    #[error("route {provider}/{route} names the unknown notice `{notice}`")]
    UnknownNotice {
        /// Provider id.
        provider: String,
        /// Route id.
        route: String,
        /// Notice id.
        notice: String,
    },
}

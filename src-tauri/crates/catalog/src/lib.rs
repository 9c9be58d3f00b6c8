//! Providers, their sign-in routes, models and prices as data.
//!
//! A row knows everything that is particular to one provider: URLs, headers, standing of each route,
//! quirks from a closed list, models. The engines know nothing of it, so a provider that changes its
//! mind changes a file under `data/`, not a program. All files are compiled in; nothing is read or
//! fetched at run time. Live model lists and the user's configuration go before every row here.

mod bundle;
mod catalog;
mod check;
mod custom;
mod date;
mod endpoint;
mod error;
mod flow;
mod identity;
mod import;
mod live;
mod lockout;
mod model;
mod near;
mod price;
mod provider;
mod quirk;
mod route;
mod service;
mod snapshot;
#[cfg(test)]
mod tests;

pub use catalog::Catalog;
pub use check::{Answer, AnswerRule, Check, Method};
pub use custom::{CustomOauth, CustomProvider};
pub use date::Date;
pub use endpoint::{Endpoint, ListModels, ListShape, Region, fill};
pub use error::CatalogError;
pub use flow::{
    AwsDevice, AwsPkce, Bridge, BridgeProtocol, ClientId, Device, Encoding, Flow, InstalledSecret,
    Key, Parameter, Paste, Pkce, Poll, PollProtocol, Ports, Redirect, Refresh, Revoke, Rotation,
    SecretIn, SecretSource, StateRule,
};
pub use identity::{IdentityRule, IdentitySource, Stage};
pub use import::{Form, Import, Place};
pub use live::LiveModel;
pub use lockout::Lockout;
pub use model::{Family, Modality, Mode, Model};
pub use near::distance;
pub use price::{LongPrice, Price};
pub use provider::{Auth, Field, Kind, Provider, undated};
pub use quirk::Quirk;
pub use route::{Notice, NoticeKind, Offer, Route, Standing, Status, UnusableToken};
pub use service::{NativeHost, Service};

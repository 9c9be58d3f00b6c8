//! The table: every row against the rules that hold for all of them.

use crate::{Catalog, Provider, Route};

mod models;
mod readme;
mod routes;
mod rows;

fn catalog() -> Catalog {
    Catalog::bundled().unwrap()
}

fn routes(catalog: &Catalog) -> impl Iterator<Item = (&Provider, &Route)> {
    catalog
        .providers()
        .flat_map(|provider| provider.routes.iter().map(move |route| (provider, route)))
}

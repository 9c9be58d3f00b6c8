use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bundle;
use crate::near::near;
use crate::{CatalogError, CustomProvider, Model, Notice, Provider, Route};

/// All rows. A clone shares them, so a reload of the configuration starts from the bundled rows
/// without reading them again.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Sorted by id.
    providers: Vec<Arc<Provider>>,
    notices: Arc<[Notice]>,
}

impl Catalog {
    /// Reads the rows that are compiled in.
    ///
    /// # Errors
    /// [`CatalogError`] when a data file is damaged, which a test of this crate rules out.
    pub fn bundled() -> Result<Self, CatalogError> {
        let (providers, notices) = bundle::read()?;
        let providers = providers.into_iter().map(Arc::new).collect();
        Self::of(providers, notices.into())
    }

    /// Adds a provider from the user's configuration.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::NameTaken`] and [`CatalogError::Insecure`].
    pub fn with_custom(self, custom: CustomProvider) -> Result<Self, CatalogError> {
        let mut providers = self.providers;
        providers.push(Arc::new(custom.into_provider()?));
        Self::of(providers, self.notices)
    }

    /// All providers, by id.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter().map(|provider| &**provider)
    }

    /// The provider with this id or alias.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        let by_id = self
            .providers
            .binary_search_by(|provider| (*provider.id).cmp(name));
        if let Ok(at) = by_id {
            return Some(&self.providers[at]);
        }
        self.providers()
            .find(|provider| provider.aliases.iter().any(|alias| alias == name))
    }

    /// A model of one provider by id, alias or dated form. It describes what was named; the name to
    /// send stays the caller's. `None` means that no row knows it, not that the provider lacks it.
    pub fn model(&self, provider: &str, model: &str) -> Option<&Model> {
        self.provider(provider)?.model(model)
    }

    /// Every provider that has a row for this model, with that row.
    pub fn serving<'a>(
        &'a self,
        model: &'a str,
    ) -> impl Iterator<Item = (&'a Provider, &'a Model)> {
        self.providers()
            .filter_map(move |provider| Some((provider, provider.model(model)?)))
    }

    /// At most `most` of the names, nearest first, that could have been meant by `name`.
    pub fn near<'a>(
        &self,
        name: &str,
        among: impl Iterator<Item = &'a str>,
        most: usize,
    ) -> Vec<String> {
        near(name, among, most)
    }

    /// The text that is shown with a route.
    pub fn notice(&self, route: &Route) -> Option<&Notice> {
        let id = route.notice.as_deref()?;
        self.notices.iter().find(|notice| notice.id == id)
    }

    /// All notices.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Sorts rows and refuses names that mean two of them and notices that mean nothing.
    fn of(mut providers: Vec<Arc<Provider>>, notices: Arc<[Notice]>) -> Result<Self, CatalogError> {
        providers.sort_by(|left, right| left.id.cmp(&right.id));
        let mut names = BTreeSet::new();
        for provider in &providers {
            for name in std::iter::once(&provider.id).chain(&provider.aliases) {
                if !names.insert(name.as_str()) {
                    return Err(CatalogError::NameTaken(name.clone()));
                }
            }
            for route in &provider.routes {
                let Some(notice) = &route.notice else {
                    continue;
                };
                if !notices.iter().any(|known| known.id == *notice) {
                    return Err(CatalogError::UnknownNotice {
                        provider: provider.id.clone(),
                        route: route.id.clone(),
                        notice: notice.clone(),
                    });
                }
            }
        }
        Ok(Self { providers, notices })
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use byokey_wire::Capabilities;
use serde::Deserialize;

use crate::{Date, Family, LongPrice, Modality, Mode, Model, Price};

/// The generated file of models and prices.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    generated_at: Date,
    source: String,
    version: String,
    #[serde(rename = "licence")]
    _licence: String,
    providers: BTreeMap<String, Vec<ModelRow>>,
}

/// One model as files write it. In a provider's file every absent member leaves the snapshot's word.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelRow {
    id: Box<str>,
    name: Option<Box<str>>,
    aliases: Vec<Box<str>>,
    mode: Option<Mode>,
    context: Option<u64>,
    max_output: Option<u64>,
    input: Option<BTreeSet<Modality>>,
    tools: Option<bool>,
    reasoning: Option<bool>,
    caps: Option<Capabilities>,
    price: Option<PriceRow>,
    deprecated: Option<Date>,
}

/// Prices as files write them; members as in [`Price`].
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PriceRow {
    input: Option<f64>,
    output: Option<f64>,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    audio_input: Option<f64>,
    audio_output: Option<f64>,
    second: Option<f64>,
    character: Option<f64>,
    image: Option<f64>,
    long: Option<LongRow>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongRow {
    above: u64,
    input: Option<f64>,
    output: Option<f64>,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
}

/// What a set of rows says about its prices.
#[derive(Clone)]
pub(crate) struct Origin {
    /// Source of the figures.
    pub(crate) source: Arc<str>,
    /// Day on which it was read.
    pub(crate) as_of: Date,
}

impl Snapshot {
    /// Rows of one provider, taken out.
    pub(crate) fn take(&mut self, provider: &str) -> Vec<ModelRow> {
        self.providers.remove(provider).unwrap_or_default()
    }

    /// Providers whose rows nobody took: a sign that the generator and the rows disagree.
    pub(crate) fn left(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }

    /// Where its prices come from.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            source: format!("{} {}", self.source, self.version).into(),
            as_of: self.generated_at,
        }
    }
}

/// Lays a provider's own rows over the snapshot's and gives each model its capabilities: its own
/// row's word goes before the first family that holds it, and that before the snapshot's. The result
/// is sorted by id.
pub(crate) fn models(
    generated: (Vec<ModelRow>, &Origin),
    own: (Vec<ModelRow>, &Origin),
    families: &[Family],
) -> Box<[Model]> {
    let mut merged: BTreeMap<Box<str>, Model> = BTreeMap::new();
    let with_caps: BTreeSet<Box<str>> = own
        .0
        .iter()
        .filter(|row| row.caps.is_some())
        .map(|row| row.id.clone())
        .collect();
    for (rows, origin) in [generated, own] {
        for row in rows {
            let model = merged
                .entry(row.id.clone())
                .or_insert_with(|| blank(&row.id));
            row.lay_over(model, origin);
        }
    }
    for model in merged.values_mut() {
        if !with_caps.contains(&model.id)
            && let Some(family) = families.iter().find(|family| family.holds(&model.id))
        {
            model.caps = family.caps.clone();
        }
        model.caps.max_output = model.caps.max_output.or(model.max_output);
    }
    merged.into_values().collect()
}

/// A model of which only the id is known.
pub(crate) fn blank(id: &str) -> Model {
    Model {
        id: id.into(),
        name: None,
        aliases: Box::default(),
        mode: Mode::Chat,
        context: None,
        max_output: None,
        input: BTreeSet::from([Modality::Text]),
        tools: false,
        reasoning: false,
        caps: Capabilities::default(),
        price: None,
        deprecated: None,
    }
}

impl ModelRow {
    fn lay_over(self, model: &mut Model, origin: &Origin) {
        fn set<T>(mine: &mut T, theirs: Option<T>) {
            if let Some(theirs) = theirs {
                *mine = theirs;
            }
        }
        if !self.aliases.is_empty() {
            model.aliases = self.aliases.into();
        }
        set(&mut model.mode, self.mode);
        set(&mut model.tools, self.tools);
        set(&mut model.reasoning, self.reasoning);
        set(&mut model.caps, self.caps);
        set(&mut model.input, self.input);
        model.name = self.name.or(model.name.take());
        model.context = self.context.or(model.context);
        model.max_output = self.max_output.or(model.max_output);
        model.deprecated = self.deprecated.or(model.deprecated);
        if let Some(price) = self.price {
            model.price = Some(price.with(origin));
        }
    }
}

impl PriceRow {
    fn with(self, origin: &Origin) -> Price {
        let long = |row: LongRow| {
            Box::new(LongPrice {
                above: row.above,
                input: row.input,
                output: row.output,
                cache_read: row.cache_read,
                cache_write: row.cache_write,
            })
        };
        Price {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            audio_input: self.audio_input,
            audio_output: self.audio_output,
            second: self.second,
            character: self.character,
            image: self.image,
            long: self.long.map(long),
            source: origin.source.clone(),
            as_of: origin.as_of,
        }
    }
}

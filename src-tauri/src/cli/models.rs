use anyhow::Result;
use byokey_manage::ModelsResponse;

use super::output::{Output, say};
use super::reach::Reach;
use super::table::Table;
use crate::settings::Settings;

/// Lists the models that the accounts serve.
pub(super) async fn run(settings: &Settings, output: &mut Output) -> Result<()> {
    let reach = Reach::open(settings).await?;
    let found = reach.client.models().await?;
    if found.models.is_empty() && !output.is_json() {
        say("No account serves a model yet: byokey add-key PROVIDER");
        return Ok(());
    }
    output.data(&found, text)?;
    Ok(())
}

fn text(found: &ModelsResponse) -> String {
    let headings = [
        "MODEL", "PROVIDER", ">CONTEXT", ">REPLY", ">$/M IN", ">$/M OUT",
    ];
    let mut table = Table::new(&headings);
    let tokens = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
    let usd = |price: Option<f64>| price.map_or_else(String::new, |price| price.to_string());
    for model in &found.models {
        let price = model.price.as_ref();
        table.row([
            model.id.clone(),
            model
                .provider
                .clone()
                .unwrap_or_else(|| "(alias)".to_owned()),
            tokens(model.context),
            tokens(model.max_output),
            usd(price.and_then(|price| price.input)),
            usd(price.and_then(|price| price.output)),
        ]);
    }
    table.text()
}

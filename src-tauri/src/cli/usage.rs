use anyhow::Result;
use byokey_manage::{Tokens, UsageBy, UsageGroup, UsageResponse};
use clap::ValueEnum;
use jiff::Timestamp;

use super::output::{Output, say};
use super::reach::Reach;
use super::table::Table;
use super::when::since;
use crate::settings::Settings;

/// Which usage.
#[derive(Debug, clap::Args)]
pub(super) struct Usage {
    /// How far back: 30d, 12h, 2w, 90m, a day or a moment
    #[arg(long, default_value = "30d", value_parser = since)]
    since: Timestamp,
    /// What to sum by
    #[arg(long, value_enum, default_value_t = By::Model)]
    by: By,
    /// Show it as comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Model,
    Account,
    Client,
    Day,
    Provider,
}

impl Usage {
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let by = match self.by {
            By::Model => UsageBy::Model,
            By::Account => UsageBy::Account,
            By::Client => UsageBy::Client,
            By::Day => UsageBy::Day,
            By::Provider => UsageBy::Provider,
        };
        let reach = Reach::open(settings).await?;
        let used = reach.client.usage(Some(self.since), by).await?;
        if self.csv {
            for line in csv(&used) {
                output.line(&line)?;
            }
            return Ok(());
        }
        if used.groups.is_empty() && !output.is_json() {
            say("Nothing was used in this time.");
            return Ok(());
        }
        output.data(&used, text)?;
        Ok(())
    }
}

fn text(used: &UsageResponse) -> String {
    let first = match used.by {
        UsageBy::Model => "MODEL",
        UsageBy::Account => "ACCOUNT",
        UsageBy::Client => "CLIENT",
        UsageBy::Day => "DAY",
        UsageBy::Provider => "PROVIDER",
    };
    let headings = [
        first,
        ">REQUESTS",
        ">FAILED",
        ">INPUT",
        ">CACHED",
        ">OUTPUT",
        ">EST. USD",
    ];
    let mut table = Table::new(&headings);
    let tokens = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    for group in &used.groups {
        let name = if group.group.is_empty() {
            "(none)"
        } else {
            &group.group
        };
        let unpriced = if group.unpriced > 0 { "+" } else { "" };
        table.row([
            name.to_owned(),
            group.requests.to_string(),
            group.failed.to_string(),
            tokens(group.tokens.input),
            tokens(group.tokens.cache_read),
            tokens(group.tokens.output),
            format!("{:.4}{unpriced}", group.cost_usd),
        ]);
    }
    let mut text = table.text();
    if used.groups.iter().any(|group| group.unpriced > 0) {
        text.push_str("+ some requests have no known price\n");
    }
    text
}

fn csv(used: &UsageResponse) -> Vec<String> {
    let head = "group,requests,failed,input,cache_read,cache_write,output,reasoning,cost_usd,\
                unpriced,latency_ms";
    let mut lines = vec![head.to_owned()];
    lines.extend(used.groups.iter().map(csv_line));
    lines
}

fn csv_line(group: &UsageGroup) -> String {
    let Tokens {
        input,
        cache_read,
        cache_write,
        output,
        reasoning,
    } = group.tokens;
    let mut cells = vec![
        quoted(&group.group),
        group.requests.to_string(),
        group.failed.to_string(),
    ];
    let counts = [input, cache_read, cache_write, output, reasoning];
    cells.extend(counts.map(|count| count.map_or_else(String::new, |n| n.to_string())));
    cells.extend([
        group.cost_usd.to_string(),
        group.unpriced.to_string(),
        group.latency_ms.to_string(),
    ]);
    cells.join(",")
}

/// A cell that cannot be taken for several, nor for a formula by a spreadsheet.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    if !formula && !text.contains([',', '"', '\n', '\r']) {
        return text.to_owned();
    }
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_survive_commas_quotes_and_spreadsheets() {
        for (text, cell) in [
            ("openai/gpt-5", "openai/gpt-5"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
        ] {
            assert_eq!(quoted(text), cell);
        }
    }

    #[test]
    fn unknown_counts_are_empty_not_zero() {
        let group = UsageGroup {
            group: "openai/gpt-5".into(),
            requests: 2,
            failed: 1,
            tokens: Tokens {
                input: Some(7),
                ..Tokens::default()
            },
            cost_usd: 0.5,
            unpriced: 0,
            latency_ms: 12,
        };
        assert_eq!(csv_line(&group), "openai/gpt-5,2,1,7,,,,,0.5,0,12");
    }
}

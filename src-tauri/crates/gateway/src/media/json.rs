//! Requests whose body is JSON: embeddings, speech, images.

use byokey_wire::{Asks, Fault, Ledger, Shape, rename_gemini_embedding, translate_media};
use http::HeaderValue;

use super::reply::{Back, Begun};
use super::{Failure, Media, Outward};
use crate::feed::{Feed, Named, Outgoing};
use crate::meter::Meter;
use crate::relay::check_content_type;
use crate::resolve::Served;
use crate::upload::Upload;
use crate::upstream::Sent;

impl Media {
    pub(super) async fn json(&self, incoming: Upload, meter: &mut Meter) -> Result<Begun, Failure> {
        check_content_type(&self.parts.headers)?;
        let in_path = self.wanted.model.as_ref();
        let feed = Feed::new(incoming, self.view.config.max_body(), in_path.is_none())?;
        let named = self.named(&feed).await;
        meter.note(|row| row.bytes_in = feed.received() as u64);
        let named = named?;
        let found = self.served(&named.name, meter)?;
        feed.gather().await?;
        let mut last = None;
        for (index, served) in found.iter().enumerate() {
            if !self.view.config.routing.failover || index + 1 == found.len() {
                feed.last_use();
            }
            let outward = self.outward(served, &feed, &named).await?;
            let mut asked = self.ask(served, outward, Sent::Feed(&feed), meter).await;
            if asked.as_ref().is_err_and(|failure| failure.renewed) && feed.kept() {
                let outward = self.outward(served, &feed, &named).await?;
                asked = self.ask(served, outward, Sent::Feed(&feed), meter).await;
            }
            meter.note(|row| row.bytes_in = feed.received() as u64);
            match asked {
                Ok(begun) => return Ok(begun),
                Err(failure) if self.may_go_on(&failure) => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(last.unwrap_or_else(super::nobody))
    }

    async fn named(&self, feed: &Feed) -> Result<Named, Fault> {
        match &self.wanted.model {
            None => feed.model().await,
            Some(name) => Ok(Named {
                name: name.clone(),
                place: feed.place().await?,
            }),
        }
    }

    async fn outward(
        &self,
        served: &Served,
        feed: &Feed,
        named: &Named,
    ) -> Result<Outward, Failure> {
        let shape = served.line().service.shape;
        let mut outward = Outward {
            query: Vec::new(),
            voice: String::new(),
            method: "",
            content_type: HeaderValue::from_static("application/json"),
            body: Outgoing::Whole(None),
            back: Back::Pass,
            losses: Ledger::default(),
        };
        match (self.wanted.asks, shape) {
            (Asks::OpenAi, Shape::OpenAi) => {
                outward.body = feed.with_model(&named.place, &served.model);
            }
            (asks @ (Asks::GeminiOne | Asks::GeminiMany), Shape::Gemini) => {
                let whole = feed.whole().await?;
                let body = rename_gemini_embedding(asks, &served.model, &whole)?;
                outward.body = Outgoing::Whole(Some(body.into()));
                outward.method = match asks {
                    Asks::GeminiMany => "batchEmbedContents",
                    _ => "embedContent",
                };
            }
            (asks, shape) => {
                let whole = feed.whole().await?;
                let converted =
                    translate_media(self.wanted.task, asks, shape, &served.model, &whole)?;
                outward.body = Outgoing::Whole(Some(converted.body.into()));
                outward.query = converted.query;
                outward.voice = converted.voice.unwrap_or_default();
                outward.method = converted.method;
                outward.back = Back::Answer(converted.answer);
                outward.losses = converted.losses;
            }
        }
        Ok(outward)
    }
}

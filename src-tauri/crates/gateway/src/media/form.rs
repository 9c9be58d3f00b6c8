//! Requests whose body is a form with a file: transcriptions and translations.

use byokey_wire::{FormField, Ledger, Listen, Shape};
use http::{HeaderValue, header};

use super::reply::{Back, Begun};
use super::{Failure, Media, Outward};
use crate::feed::Outgoing;
use crate::flow::Flow;
use crate::meter::Meter;
use crate::resolve::Served;
use crate::upload::Upload;
use crate::upstream::Sent;

impl Media {
    pub(super) async fn form(&self, incoming: Upload, meter: &mut Meter) -> Result<Begun, Failure> {
        let given = self.parts.headers.get(header::CONTENT_TYPE);
        let given = given.and_then(|kind| kind.to_str().ok());
        let flow = Flow::form(incoming, given.unwrap_or_default())?;
        let field = flow.model().await;
        meter.note(|row| row.bytes_in = flow.received());
        let field = field?;
        let name = self.wanted.model.as_ref().unwrap_or(&field.value);
        let found = self.served(name, meter)?;
        let mut last = None;
        for served in found.iter() {
            let outward = self.of_form(served, &flow, &field).await?;
            let asked = self.ask(served, outward, Sent::Flow(&flow), meter).await;
            meter.note(|row| row.bytes_in = flow.received());
            match asked {
                Ok(begun) => return Ok(begun),
                // What went out is gone, unless the form was small enough to be read before.
                Err(failure) if self.may_go_on(&failure) && flow.kept() => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(last.unwrap_or_else(super::nobody))
    }

    async fn of_form(
        &self,
        served: &Served,
        flow: &Flow,
        model: &FormField,
    ) -> Result<Outward, Failure> {
        let same = self.parts.headers.get(header::CONTENT_TYPE).cloned();
        let same = same.unwrap_or(HeaderValue::from_static("multipart/form-data"));
        let mut outward = Outward {
            query: Vec::new(),
            voice: String::new(),
            method: "",
            content_type: same,
            body: Outgoing::Whole(None),
            back: Back::Pass,
            losses: Ledger::default(),
        };
        let shape = served.line().service.shape;
        // Also says what is wrong with a small form before anybody is asked.
        let file = flow.file().await?;
        if shape == Shape::OpenAi {
            outward.body = flow.with_model(model, &served.model);
            return Ok(outward);
        }
        let listen = Listen::read(&flow.fields(), &mut outward.losses)?;
        let mut kind = file.sound_type();
        let around = match shape {
            Shape::Deepgram => {
                outward.query = listen.deepgram(&served.model, &mut outward.losses);
                (Vec::new(), Vec::new(), false)
            }
            Shape::ElevenLabs => {
                let boundary = flow.boundary();
                let (before, behind) = listen.elevenlabs(&served.model, &boundary, &file);
                kind = String::new();
                (before, behind, false)
            }
            Shape::Gemini | Shape::OpenAi | Shape::Imagen => {
                outward.method = "generateContent";
                let (before, behind) = listen.gemini(&file, &mut outward.losses);
                kind = "application/json".to_owned();
                (before, behind, true)
            }
        };
        if let Ok(kind) = HeaderValue::try_from(kind)
            && !kind.is_empty()
        {
            outward.content_type = kind;
        }
        let (before, behind, base64) = around;
        outward.body = flow.file_within(before, behind, base64);
        outward.back = Back::Transcript {
            shape,
            listen,
            flow: flow.clone(),
            known: flow.fields().len(),
        };
        Ok(outward)
    }
}

//! The scripted model's answer as a reply, with the faults that the control words ask for.

use bytes::Bytes;

use crate::{Control, Counts, Part, Reply, answer::answer, ask::Ask, fault::Fault, wire::Wire};

/// Does what a request asks for. What an answer costs is told to `count`.
pub(super) fn obey(
    ask: &Ask,
    wire: &Wire,
    id: &str,
    count: impl FnOnce(Counts),
) -> Result<Reply, Fault> {
    let control = &ask.control;
    if control.silent {
        return Ok(Reply::silence());
    }
    if control.html {
        return Ok(web_page(control.status.unwrap_or(200)));
    }
    if let Some(status) = control.status {
        let reply = Fault::simulated(status).reply(wire.dress(), &format!("req_{id}"));
        return Ok(match control.retry_after {
            Some(seconds) => reply.header("retry-after", &seconds.to_string()),
            None => reply,
        });
    }
    let answer = answer(ask);
    count(Counts::of(&ask.model, &answer.usage));
    if ask.stream && !control.half {
        let mut frames = wire.frames(ask, &answer, id);
        if control.error_in_stream {
            wire.fail(&mut frames, ask, id);
        }
        return Ok(stream(wire.head(true), frames, control));
    }
    if control.error_in_stream {
        return Err(wire.overloaded());
    }
    let head = wire.head(ask.stream);
    Ok(spoil(head, &wire.whole(ask, &answer, id), control))
}

/// Puts pauses and faults between the frames of a stream.
fn stream(mut reply: Reply, mut frames: Vec<Bytes>, control: &Control) -> Reply {
    let faults = [
        control.cut.map(|after| (after, Some(Part::Cut))),
        control.stall.map(|after| (after, Some(Part::Hang))),
        control.end.map(|after| (after, None)),
    ];
    let fault = faults.into_iter().flatten().min_by_key(|(after, _)| *after);
    if let Some((after, _)) = &fault {
        frames.truncate(*after);
    }
    for frame in frames {
        if let Some(delay) = control.delay {
            reply = reply.part(Part::Pause(delay));
        }
        reply = reply.part(Part::Bytes(frame));
    }
    match fault {
        Some((_, Some(part))) => reply.part(part),
        _ => reply,
    }
}

fn web_page(status: u16) -> Reply {
    let page = "<!doctype html><html><head><title>Bad gateway</title></head>\
                <body><h1>Bad gateway</h1></body></html>\n";
    Reply::new(status)
        .header("content-type", "text/html")
        .part(Part::Bytes(page.into()))
}

/// Applies the faults of a whole reply; frames do not exist here, so their number does not count.
fn spoil(reply: Reply, whole: &Bytes, control: &Control) -> Reply {
    let half = whole.slice(..whole.len() / 2);
    if control.half || control.end.is_some() {
        return reply.part(Part::Bytes(half));
    }
    if control.cut.is_some() {
        return reply.part(Part::Bytes(half)).part(Part::Cut);
    }
    if control.stall.is_some() {
        return reply.part(Part::Bytes(half)).part(Part::Hang);
    }
    match control.delay {
        Some(delay) => reply
            .before_head(Part::Pause(delay))
            .part(Part::Bytes(whole.clone())),
        None => reply.part(Part::Bytes(whole.clone())),
    }
}

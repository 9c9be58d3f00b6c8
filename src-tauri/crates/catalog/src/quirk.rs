use serde::{Deserialize, Serialize};

/// A way in which a provider departs from its dialect. The list is closed: a row can only choose
/// from it, and every member says which step acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Quirk {
    /// Chat: refuses members it does not know (422). Request: `stream_options`, `user`, `logit_bias`
    /// and the like are left out.
    RefusesUnknownMembers,
    /// Chat: tool-call ids must be nine letters or digits. Request: ids are mapped both ways.
    NineCharacterCallIds,
    /// Chat stream: the last chunk carries usage in `x_groq.usage`. Meter: reads it there.
    UsageInXGroq,
    /// Usage carries `cost` in USD. Meter: takes it before the catalogue's price.
    CostInUsage,
    /// Chat: reasoning text comes as `reasoning`. Reply: read beside `reasoning_content`.
    ReasoningMember,
    /// An error object may arrive inside a stream that began with 200. Relay: ends the stream with it.
    ErrorInStream,
    /// The first stream chunk may have an empty `choices`. Relay: skipped when translated.
    EmptyFirstChoices,
    /// Text and tool calls of one answer may come in several choices. Reply: choices are merged.
    SplitChoices,
    /// `model` is the name of the user's deployment. Route: no name from a list is offered.
    DeploymentIsModel,
    /// The stream may lack its `Content-Type`. Relay: read as events all the same.
    StreamWithoutContentType,
    /// Only streams: a plain request is streamed upstream and gathered. Relay.
    StreamOnly,
    /// Responses: `store` must be false, `input` an array. Request: set so.
    Stateless,
    /// `system` messages are refused. Request: become instructions or `developer` messages.
    NoSystemRole,
    /// Exactly one leading `system` message. Request: merged or added.
    OneSystemMessage,
    /// Sampling, length and stop settings are refused or ignored. Request: left out, in the ledger.
    NoSampling,
    /// The server derives its cache key from a session header. Request: `session-id` is sent.
    SessionHeader,
    /// Tools whose parameters lack a `type` are refused. Request: filled in.
    NeedsParameterTypes,
    /// Tools without a description are refused. Request: filled with the name.
    NeedsToolDescriptions,
    /// Tool schemas above about 15 KB are refused. Request: answered with 400 before it is sent.
    SmallToolSchemas,
    /// `x-initiator` says whether a person or a tool loop asks, which decides the bill. Request: set
    /// from the last message, never misreported.
    InitiatorHeader,
    /// Requests with images need `Copilot-Vision-Request: true`. Request: set.
    VisionHeader,
    /// Bodies and replies are wrapped in Google's project envelope. Request and reply.
    ProjectEnvelope,
    /// Calls carry a signature that must come back in the same place. Reply: remembered by call id.
    ThoughtSignatures,
    /// A wrong key is answered 400. Key check: the reason in the body decides.
    WrongKeyIs400,
    /// The provider checks which program calls and may refuse an honest name. Errors: terminal for
    /// account and route, never retried.
    ChecksCaller,
    /// The account's workspace goes along as `ChatGPT-Account-Id`, read from the token. Request.
    AccountIdHeader,
    /// The account's profile goes along in the body, when it has one. Request.
    ProfileArn,
    /// Answers 402 when the balance is used up. Errors: terminal until the user pays.
    PaymentRequired,
    /// The address serves only the user's own machine. Start: probed once, never on a loop.
    ProbeOnce,
    /// Numbers in quota replies are decimal strings. Quota: read as such.
    NumbersAsStrings,
    /// On a used-up plan no other account or key may be taken by itself. Choose.
    NoSilentFallback,
}

//! Pure translation between the dialects of model providers.
//!
//! No I/O, clock, runtime or randomness lives here: bytes in, bytes out. Requests of one dialect
//! become requests of another through [`Turn`], replies through [`Event`]; what cannot be carried is
//! written into a [`Ledger`]. Where the dialects match nothing is parsed: see [`Plan::Pass`].

mod caps;
mod chain;
mod chat;
mod count;
mod counts;
mod dialect;
mod edit;
mod event;
mod fault;
mod fold;
mod free_text;
mod gemini;
mod history;
mod ids;
mod json;
mod kiro;
mod loss;
mod media;
mod memory;
mod messages;
mod origin;
mod plan;
mod remedy;
mod responses;
mod restore;
mod scan;
mod server_tools;
mod settle;
mod splice;
mod sse;
mod stops;
mod strip;
mod suffix;
mod thinking;
mod translate;
mod turn;
mod usage;
mod watch;

pub use caps::{Capabilities, SamplingSupport, ThinkingSupport};
pub use chain::{
    create_request, input_items, json_member, json_text, json_without, output_items, with_earlier,
};
pub use count::{Readable, count_reply, count_request, counted_request, read_count, readable};
pub use dialect::Dialect;
pub use event::{BlockKind, Citation, Event, Finish, Piece};
pub use fault::{Fault, FaultKind, error_body, error_event, keep_alive, read_error};
pub use gemini::{Unwrap, unwrap_code_assist, wrap_code_assist};
pub use loss::{Action, Ledger, Loss, Reason};
pub use media::{
    Asks, Converted, FormError, FormField, FormFile, FormScan, Listen, MediaAnswer, MediaReply,
    Shape, Task, Transcript, Vectors, media_use, read_media_error, rename_gemini_embedding,
    translate_media,
};
pub use memory::{Memory, Proofs};
pub use plan::{Plan, plan};
pub use remedy::Remedy;
pub use responses::{Restricted, WholeResponse, restrict};
pub use scan::{MAX_DEPTH, Marks, Model, Scan, ScanError};
pub use splice::Splice;
pub use sse::{Frame, Frames};
pub use strip::{Strip, strip_proofs};
pub use suffix::with_reasoning;
pub use thinking::{read_suffix, resolve_reasoning};
pub use translate::{Answer, Ask, Form, Reply, Target, Translated, Translation, translate};
pub use turn::{
    Block, Body, CacheMark, Call, CallForm, CallResult, Effort, File, Format, Image, Message,
    Proof, Reasoning, Role, Sampling, ServerTool, ServerToolKind, Source, Thinking, Tool,
    ToolChoice, ToolInput, ToolShape, Turn, Words,
};
pub use usage::Usage;
pub use watch::{Seen, Watch};

//! The members of Gemini.

use serde_json::{Value, json};

use super::{Probe, URL, at, back, schema, top};

pub(super) fn probes() -> Vec<Probe> {
    let part = |value| at("", "/contents/0/parts/-", value);
    let named = |name, probe| Probe { name, ..probe };
    vec![
        at("`temperature`", "/generationConfig/temperature", json!(0.5)),
        at("`topP`", "/generationConfig/topP", json!(0.5)),
        at("`topK`", "/generationConfig/topK", json!(5)),
        at(
            "`stopSequences`",
            "/generationConfig/stopSequences",
            json!(["x"]),
        ),
        at("`seed`", "/generationConfig/seed", json!(7)),
        at(
            "`frequencyPenalty`",
            "/generationConfig/frequencyPenalty",
            json!(0.5),
        ),
        at(
            "`presencePenalty`",
            "/generationConfig/presencePenalty",
            json!(0.5),
        ),
        at(
            "`candidateCount` > 1",
            "/generationConfig/candidateCount",
            json!(2),
        ),
        at(
            "`responseLogprobs`",
            "/generationConfig/responseLogprobs",
            json!(true),
        ),
        at(
            "`responseMimeType` JSON",
            "/generationConfig/responseMimeType",
            json!("application/json"),
        ),
        Probe {
            put: Box::new(|body: &mut Value| {
                body["generationConfig"]["responseMimeType"] = json!("application/json");
                body["generationConfig"]["responseJsonSchema"] = schema();
            }),
            ..at("`responseJsonSchema`", "/x", Value::Null)
        },
        at(
            "`responseModalities` image",
            "/generationConfig/responseModalities",
            json!(["TEXT", "IMAGE"]),
        ),
        at(
            "`mediaResolution`",
            "/generationConfig/mediaResolution",
            json!("MEDIA_RESOLUTION_LOW"),
        ),
        at(
            "`speechConfig`",
            "/generationConfig/speechConfig",
            json!({ "languageCode": "de-CH" }),
        ),
        at(
            "`thinkingBudget`",
            "/generationConfig/thinkingConfig",
            json!({ "thinkingBudget": 2000 }),
        ),
        at(
            "`thinkingLevel`",
            "/generationConfig/thinkingConfig",
            json!({ "thinkingLevel": "LOW" }),
        ),
        back(at(
            "`includeThoughts`",
            "/generationConfig/thinkingConfig",
            json!({ "includeThoughts": true }),
        )),
        top(
            "`toolConfig` ANY",
            "toolConfig",
            json!({ "functionCallingConfig": { "mode": "ANY" } }),
        ),
        top(
            "`allowedFunctionNames`",
            "toolConfig",
            json!({ "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["f"] } }),
        ),
        top(
            "`toolConfig` NONE",
            "toolConfig",
            json!({ "functionCallingConfig": { "mode": "NONE" } }),
        ),
        at("`googleSearch`", "/tools/-", json!({ "googleSearch": {} })),
        at(
            "`codeExecution`",
            "/tools/-",
            json!({ "codeExecution": {} }),
        ),
        at("`urlContext`", "/tools/-", json!({ "urlContext": {} })),
        top(
            "`safetySettings`",
            "safetySettings",
            json!([{ "category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE" }]),
        ),
        top(
            "`cachedContent`",
            "cachedContent",
            json!("cachedContents/x"),
        ),
        top("`labels`", "labels", json!({ "a": "b" })),
        named(
            "images",
            part(json!({ "inlineData": { "mimeType": "image/png", "data": "QUJD" } })),
        ),
        named(
            "PDF documents",
            part(json!({ "inlineData": { "mimeType": "application/pdf", "data": "QUJD" } })),
        ),
        named(
            "sound",
            part(json!({ "inlineData": { "mimeType": "audio/wav", "data": "QUJD" } })),
        ),
        named(
            "video",
            part(json!({ "inlineData": { "mimeType": "video/mp4", "data": "QUJD" } })),
        ),
        named(
            "`fileData` with an https address",
            part(json!({ "fileData": { "mimeType": "image/png", "fileUri": URL } })),
        ),
        named(
            "`fileData` of Google's file store",
            part(
                json!({ "fileData": { "mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x" } }),
            ),
        ),
        at(
            "`thought` parts",
            "/contents/1/parts/-",
            json!({ "text": "hm", "thought": true }),
        ),
        at(
            "`executableCode`",
            "/contents/1/parts/-",
            json!({ "executableCode": { "language": "PYTHON", "code": "1" } }),
        ),
        at(
            "`thoughtSignature` of another provider",
            "/contents/1/parts/0/thoughtSignature",
            json!("byok1:5:other:S"),
        ),
    ]
}

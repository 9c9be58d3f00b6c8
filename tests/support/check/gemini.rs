//! What Gemini refuses. It parses requests by schema, so every member that it does not know is
//! refused, at every place it knows.

mod turns;

use serde_json::Value;

use super::twice;
use crate::{ask::items, fault::Fault, gemini::image};

const MEMBERS: &[&str] = &[
    "cachedContent",
    "contents",
    "generationConfig",
    "labels",
    "model",
    "safetySettings",
    "serviceTier",
    "store",
    "systemInstruction",
    "toolConfig",
    "tools",
];

/// What the envelope's request has besides.
const ENVELOPED: &[&str] = &["sessionId", "session_id"];

const CONFIG: &[&str] = &[
    "candidateCount",
    "enableEnhancedCivicAnswers",
    "frequencyPenalty",
    "imageConfig",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "routingConfig",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

const TOOL: &[&str] = &[
    "codeExecution",
    "computerUse",
    "fileSearch",
    "functionDeclarations",
    "googleMaps",
    "googleSearch",
    "googleSearchRetrieval",
    "urlContext",
];

const FUNCTION: &[&str] = &[
    "behavior",
    "description",
    "name",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
];

const CONTENT: &[&str] = &["parts", "role"];

/// The members of which a part has exactly one.
const DATA: &[&str] = &[
    "codeExecutionResult",
    "executableCode",
    "fileData",
    "functionCall",
    "functionResponse",
    "inlineData",
    "text",
];

const BESIDES: &[&str] = &[
    "mediaResolution",
    "partMetadata",
    "thought",
    "thoughtSignature",
    "videoMetadata",
];

/// What `parameters` does not take, unlike `parametersJsonSchema`.
const NO_SCHEMA: &[&str] = &[
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "const",
    "definitions",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "not",
    "oneOf",
    "patternProperties",
];

/// Checks a request in camel case.
pub(crate) fn check(body: &Value) -> Result<(), Fault> {
    if !body.is_object() {
        return Err(Fault::bad("Invalid JSON payload received."));
    }
    known(body, &[MEMBERS, ENVELOPED].concat(), "")?;
    config(&body["generationConfig"])?;
    tools(body)?;
    if let Some(instruction) = body.get("systemInstruction").filter(|it| !it.is_null()) {
        content(instruction, "system_instruction")?;
    }
    contents(body)
}

/// Checks the conversation alone, as counting does.
pub(crate) fn contents(body: &Value) -> Result<(), Fault> {
    let contents = items(&body["contents"]);
    if contents.is_empty() {
        return Err(Fault::bad(
            "* GenerateContentRequest.contents: contents is not specified",
        ));
    }
    for (at, one) in contents.iter().enumerate() {
        content(one, &format!("contents[{at}]"))?;
        turns::turn(
            one,
            at.checked_sub(1).map(|before| &contents[before]),
            contents.get(at + 1),
        )?;
    }
    turns::signatures(contents)
}

fn known(object: &Value, names: &[&str], place: &str) -> Result<(), Fault> {
    let unknown = object
        .as_object()
        .and_then(|members| members.keys().find(|name| !names.contains(&name.as_str())));
    match unknown {
        Some(name) => Err(Fault::bad(format!(
            "Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field."
        ))),
        None => Ok(()),
    }
}

fn config(config: &Value) -> Result<(), Fault> {
    known(config, CONFIG, "generation_config")?;
    let thinking = &config["thinkingConfig"];
    let known_thinking = ["includeThoughts", "thinkingBudget", "thinkingLevel"];
    known(
        thinking,
        &known_thinking,
        "generation_config.thinking_config",
    )?;
    let both = |object: &Value, one: &str, other: &str| {
        object.get(one).is_some() && object.get(other).is_some()
    };
    let wrong = [
        (
            both(thinking, "thinkingBudget", "thinkingLevel"),
            "You can only set only one of thinking budget and thinking level.",
        ),
        (
            both(config, "responseSchema", "responseJsonSchema"),
            "Only one of response_schema and response_json_schema may be set.",
        ),
        (
            items(&config["stopSequences"]).len() > 5,
            "The number of stop sequences must be at most 5.",
        ),
        (
            config["temperature"]
                .as_f64()
                .is_some_and(|it| !(0.0..=2.0).contains(&it)),
            "temperature must be in the range [0.0, 2.0].",
        ),
        (
            config["candidateCount"]
                .as_u64()
                .is_some_and(|count| !(1..=8).contains(&count)),
            "candidateCount must be in the range [1, 8].",
        ),
        (
            (config.get("responseSchema").is_some() || config.get("responseJsonSchema").is_some())
                && config["responseMimeType"] != "application/json",
            "response_schema needs the response mime type application/json",
        ),
    ];
    match wrong.iter().find(|(wrong, _)| *wrong) {
        Some((_, text)) => Err(Fault::bad(format!(
            "* GenerateContentRequest.generation_config: {text}"
        ))),
        None => Ok(()),
    }
}

fn tools(body: &Value) -> Result<(), Fault> {
    let mut names = Vec::new();
    for (at, tool) in items(&body["tools"]).iter().enumerate() {
        known(tool, TOOL, &format!("tools[{at}]"))?;
        for (number, function) in items(&tool["functionDeclarations"]).iter().enumerate() {
            let place = format!("tools[{at}].function_declarations[{number}]");
            known(function, FUNCTION, &place)?;
            let name = function["name"].as_str().unwrap_or_default();
            if !is_function_name(name) {
                return Err(Fault::bad(format!(
                    "* GenerateContentRequest.{place}.name: Invalid function name."
                )));
            }
            if function.get("parameters").is_some()
                && function.get("parametersJsonSchema").is_some()
            {
                return Err(Fault::bad(format!(
                    "{place}: parameters and parameters_json_schema are exclusive"
                )));
            }
            subset(&function["parameters"], &format!("{place}.parameters"))?;
            names.push(name);
        }
    }
    if let Some(name) = twice(names.iter().copied()) {
        return Err(Fault::bad(format!(
            "Duplicate function declaration found: {name}"
        )));
    }
    let config = &body["toolConfig"]["functionCallingConfig"];
    let mode = config["mode"].as_str().unwrap_or("AUTO");
    let allowed = items(&config["allowedFunctionNames"]);
    let wrong = [
        (
            !matches!(mode, "AUTO" | "ANY" | "NONE" | "VALIDATED"),
            "Invalid mode.",
        ),
        (
            !allowed.is_empty() && !matches!(mode, "ANY" | "VALIDATED"),
            "allowed_function_names should only be set when the function calling mode is ANY.",
        ),
        (
            allowed
                .iter()
                .any(|name| !names.contains(&name.as_str().unwrap_or_default())),
            "allowed_function_names names a function that is not declared.",
        ),
        (
            mode == "ANY" && names.is_empty(),
            "Function calling config is set without function_declarations.",
        ),
    ];
    match wrong.iter().find(|(wrong, _)| *wrong) {
        Some((_, text)) => Err(Fault::bad(*text)),
        None => Ok(()),
    }
}

fn is_function_name(name: &str) -> bool {
    let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let rest = |letter: char| letter.is_ascii_alphanumeric() || "_.:-".contains(letter);
    name.starts_with(first) && name.len() <= 64 && name.chars().all(rest)
}

/// The schema of `parameters`, which is OpenAPI's and not the whole of JSON Schema.
fn subset(schema: &Value, place: &str) -> Result<(), Fault> {
    let Some(members) = schema.as_object() else {
        return Ok(());
    };
    if let Some(name) = members
        .keys()
        .find(|name| NO_SCHEMA.contains(&name.as_str()))
    {
        return Err(Fault::bad(format!(
            "Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field."
        )));
    }
    if schema["type"].is_array() {
        return Err(Fault::bad(format!(
            "{place}.type: Proto field is not repeating, cannot start list."
        )));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        subset(property, &format!("{place}.properties[{name}]"))?;
    }
    subset(&schema["items"], &format!("{place}.items"))?;
    items(&schema["anyOf"])
        .iter()
        .try_for_each(|branch| subset(branch, place))
}

fn content(content: &Value, place: &str) -> Result<(), Fault> {
    known(content, CONTENT, place)?;
    if !matches!(
        content["role"].as_str(),
        None | Some("user" | "model" | "function" | "system")
    ) {
        return Err(Fault::bad("Please use a valid role: user, model."));
    }
    let parts = items(&content["parts"]);
    if parts.is_empty() {
        return Err(Fault::bad(format!(
            "* GenerateContentRequest.{place}.parts: contents.parts must not be empty."
        )));
    }
    for (at, part) in parts.iter().enumerate() {
        let place = format!("{place}.parts[{at}]");
        known(part, &[DATA, BESIDES].concat(), &place)?;
        let data: Vec<_> = DATA
            .iter()
            .copied()
            .filter(|name| part.get(name).is_some())
            .collect();
        let well = match data.as_slice() {
            ["text"] => part["text"].is_string(),
            ["inlineData"] => {
                !part["inlineData"]["mimeType"]
                    .as_str()
                    .unwrap_or_default()
                    .starts_with("image/")
                    || image(part).is_some()
            }
            ["functionCall"] => {
                part["functionCall"]["name"].is_string()
                    && matches!(part["functionCall"]["args"], Value::Object(_) | Value::Null)
            }
            ["functionResponse"] => {
                part["functionResponse"]["name"]
                    .as_str()
                    .is_some_and(|it| !it.is_empty())
                    && part["functionResponse"]["response"].is_object()
            }
            [_] => true,
            _ => false,
        };
        if !well {
            return Err(Fault::bad(format!(
                "* GenerateContentRequest.{place}.data: required oneof field 'data' must have one initialized field"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

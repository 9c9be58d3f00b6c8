// TypeScript from the management API's OpenAPI document. It knows the few forms that the document
// has and refuses all others, so that nothing turns into `unknown` unseen.

/**
 * @param {{ components?: { schemas?: Record<string, Schema> } }} document
 * @returns {string} the module's text
 *
 * @typedef {Record<string, any>} Schema
 */
export function generate(document) {
  const schemas = Object.entries(document.components?.schemas ?? {});
  schemas.sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = schemas.map(([name, schema]) => `${comment(schema, "")}export ${declaration(name, schema)}`);
  return `// Made from openapi.json by \`npm run api\`; not to be edited.\n\n${parts.join("\n")}`;
}

/** @param {string} name @param {Schema} schema */
function declaration(name, schema) {
  return isPlainObject(schema)
    ? `interface ${name} ${object(schema, "")}\n`
    : `type ${name} = ${type(schema, "")};\n`;
}

/** @param {Schema} schema */
function isPlainObject(schema) {
  return schema.type === "object" && schema.properties !== undefined;
}

/** @param {Schema} schema @param {string} indent @returns {string} */
function type(schema, indent) {
  if (schema.$ref) return schema.$ref.replace("#/components/schemas/", "");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return union(schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)));
  const options = schema.oneOf ?? schema.anyOf;
  if (options) return union(options.map((/** @type {Schema} */ option) => type(option, indent)));
  if (schema.allOf) return schema.allOf.map((/** @type {Schema} */ part) => type(part, indent)).join(" & ");
  if (Array.isArray(schema.type)) {
    return union(schema.type.map((one) => type({ ...schema, type: one }, indent)));
  }
  switch (schema.type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return list(type(schema.items ?? {}, indent));
    case "object":
      return schema.properties ? object(schema, indent) : record(schema, indent);
  }
  throw new Error(`no TypeScript for ${JSON.stringify(schema)}`);
}

/** @param {Schema} schema @param {string} indent */
function record(schema, indent) {
  if (!schema.additionalProperties) throw new Error(`an object without members: ${JSON.stringify(schema)}`);
  return `Record<string, ${type(schema.additionalProperties, indent)}>`;
}

/** @param {Schema} schema @param {string} indent @returns {string} */
function object(schema, indent) {
  const inner = `${indent}  `;
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties).map(([name, member]) => {
    const mark = required.has(name) ? "" : "?";
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `${comment(member, inner)}${inner}${key}${mark}: ${type(member, inner)};\n`;
  });
  return `{\n${members.join("")}${indent}}`;
}

/** @param {string} item */
function list(item) {
  return item.includes("|") ? `(${item})[]` : `${item}[]`;
}

/** @param {string[]} options */
function union(options) {
  return [...new Set(options)].join(" | ");
}

/** @param {Schema} schema @param {string} indent */
function comment(schema, indent) {
  if (!schema.description) return "";
  const lines = schema.description.replaceAll("*/", "* /").split("\n");
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((/** @type {string} */ line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}

// What the fake engine knows: enough of everything to fill each view with likely values.

import type {
  AccountInfo,
  ConfigResponse,
  KeyInfo,
  ModelInfo,
  ProviderInfo,
  RequestInfo,
  RouteInfo,
  UsageBy,
  UsageGroup,
} from "../api";

export const CONFIG_ERROR = "line 7: unknown key `max_boddy_mib`, did you mean `max_body_mib`?";
export const MODELS = ["claude/claude-opus-4-5", "claude/claude-haiku-4-5", "openai/gpt-5.2", "openai/gpt-5-mini", "openrouter/qwen/qwen3-coder"];

export const model = (id: string): ModelInfo => ({
  id,
  provider: id.split("/")[0] ?? null,
  input: ["text"],
  dialects: ["chat"],
  levels: [],
  live: true,
});

/** An instant this many seconds ago. */
export function before(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

export function account(id: number, provider: string, name: string, hint: string): AccountInfo {
  return {
    id,
    provider,
    name,
    route: "api-key",
    enabled: true,
    priority: id,
    limited: false,
    fields: {},
    key_hint: hint,
    kind: "key",
    state: { kind: "fresh" },
    created: before(86_400 * 9),
  };
}

export function accounts(): AccountInfo[] {
  return [
    { ...account(1, "claude", "work", "…h7Qa"), last_used: before(40) },
    { ...account(2, "claude", "private", "…0wXk"), last_used: before(86_400), limited: true },
    {
      ...account(3, "openai", "default", "…Zz91"),
      last_used: before(700),
      last_error: { at: before(700), message: "429: You exceeded your current quota, please check your plan." },
    },
    {
      ...account(5, "copilot", "default", ""),
      route: "github-device",
      kind: "tokens",
      label: "mila",
      plan: "individual",
      last_used: before(7200),
      state: {
        kind: "needs-sign-in",
        since: before(3600),
        words: "GitHub says: bad credentials.",
        next: "Sign in again.",
      },
    },
    {
      ...account(6, "openai", "codex", ""),
      route: "codex-pkce",
      kind: "followed",
      label: "mila@example.org",
      owner: "Codex CLI",
      source: "~/.codex/auth.json",
      state: { kind: "follows" },
    },
    { ...account(4, "openrouter", "default", "…c0de"), enabled: false },
  ];
}

function route(id: string, name: string, rest: Partial<RouteInfo> = {}): RouteInfo {
  const login = !["key", "open"].includes(rest.flow ?? "key");
  return { id, name, flow: "key", standing: "official", status: "active", offer: "on", login, best: false, choices: [], fields: [], ...rest };
}

function provider(id: string, name: string, routes: RouteInfo[], rest: Partial<ProviderInfo> = {}): ProviderInfo {
  return {
    id,
    name,
    aliases: [],
    kind: "key",
    enabled: true,
    base_url: `https://api.${id}.example`,
    docs_url: `https://docs.${id}.example`,
    checkable: true,
    env: [],
    fields: [],
    sign_in: {},
    allow_retired: false,
    models: 12,
    as_of: "2026-11-21",
    routes,
    ...rest,
  };
}

export function providers(): ProviderInfo[] {
  const keys = route("api-key", "API key", { key_page: "https://console.example/keys" });
  return [
    provider("claude", "Claude", [
      route("claude-cli", "Your own Claude Code", { flow: "bridge", standing: "bridge", best: true, installed: false, install_url: "https://claude.example/code" }),
      keys,
      route("oauth-pkce", "Claude plan in the browser", {
        flow: "pkce",
        standing: "unofficial",
        offer: "after-notice",
        notice: {
          id: "claude-oauth",
          version: 1,
          kind: "required",
          text: "The provider limits plan logins to its own programs. Your account may be restricted.",
          source: "https://claude.example/terms",
          read: "2026-11-21",
        },
      }),
    ]),
    provider("openai", "OpenAI", [keys]),
    provider("openrouter", "OpenRouter", [keys]),
    provider("groq", "Groq", [keys]),
    provider("mistral", "Mistral", [keys]),
    provider("ollama", "Ollama", [route("open", "No login", { flow: "open" })], { kind: "local", checkable: false }),
    provider("copilot", "GitHub Copilot", [route("github-device", "Sign in with GitHub", { flow: "device", best: true })], { kind: "subscription" }),
    provider("gemini", "Gemini", [
      keys,
      route("oauth-personal", "Private Google login", {
        flow: "pkce",
        standing: "retired",
        status: "retired",
        offer: "greyed",
        retired: "2026-06-18",
        reason: "Google switched the login off for private accounts, AI Pro and AI Ultra.",
        replacement: "api-key",
      }),
    ]),
    provider("qwen", "Qwen (free login)", [
      route("oauth-device", "Qwen login", {
        flow: "device",
        standing: "retired",
        status: "retired",
        offer: "greyed",
        retired: "2026-04-15",
        reason: "Qwen discontinued its free tier; old tokens are refused with 401.",
        replacement: "alibaba/coding-plan-key",
      }),
    ]),
  ];
}

export function key(id: number, name: string): KeyInfo {
  return { id, name, hint: `byk_${name.slice(0, 4)}…`, limits: { models: [] }, spent_usd: 0, created: before(86_400 * 5) };
}

export function keys(): KeyInfo[] {
  return [
    { ...key(1, "editor"), last_used: before(35), spent_usd: 3.412 },
    {
      ...key(2, "nightly-agent"),
      last_used: before(3 * 86_400),
      limits: { models: ["claude-*"], rpm: 60, budget_usd: 20, expires: before(-86_400 * 20) },
      spent_usd: 14.7,
    },
    { ...key(3, "old-laptop"), revoked: before(86_400 * 2) },
  ];
}

/** The `n`th newest request. */
export function request(n: number): RequestInfo {
  const claude = n % 3 !== 1;
  const model = claude ? (n % 2 ? "claude-haiku-4-5" : "claude-opus-4-5") : "gpt-5.2";
  const input = 1200 + ((n * 7919) % 30_000);
  return {
    id: `req_${(0xb0b0 + n).toString(16)}`,
    at: before(40 + n * 97),
    client: n % 4 === 3 ? "nightly-agent" : "editor",
    provider: claude ? "claude" : "openai",
    account: claude ? "work" : "default",
    model,
    asked_model: n % 5 === 0 ? "fast" : model,
    caller_dialect: claude ? "messages" : "chat",
    upstream_dialect: claude && n % 4 === 0 ? "messages" : "chat",
    plan: n % 4 === 0 ? "pass" : "via",
    stream: n % 3 !== 2,
    status: 200,
    outcome: "ok",
    tokens: { input, cache_read: Math.round(input * 0.7), output: 240 + ((n * 131) % 900), ...(claude ? {} : { reasoning: 128 }) },
    cost_usd: input * 0.000004,
    latency_ms: 900 + ((n * 577) % 14_000),
    ttft_ms: 300 + ((n * 97) % 900),
    losses: n % 6 === 4 ? 2 : 0,
    lost: n % 6 === 4 ? ["seed=dropped", "messages[3].name=dropped"] : [],
  };
}

export function requests(): RequestInfo[] {
  return Array.from({ length: 40 }, (_, n): RequestInfo => {
    const plain = request(n);
    if (n === 7) {
      const error = "429: You exceeded your current quota, please check your plan and billing details.";
      return { ...plain, provider: "openai", account: "default", model: "gpt-5.2", status: 429, outcome: "upstream-error", error, tokens: {}, cost_usd: null };
    }
    return n === 12 ? { ...plain, outcome: "client-gone" } : plain;
  });
}

function group(name: string, size: number): UsageGroup {
  const input = Math.round(size * 48_000);
  return {
    group: name,
    requests: Math.max(1, Math.round(size * 14)),
    failed: size > 20 ? 3 : 0,
    tokens: { input, cache_read: Math.round(input * 0.64), cache_write: Math.round(input * 0.05), output: Math.round(size * 5200), reasoning: Math.round(size * 900) },
    cost_usd: size * 0.21,
    unpriced: name.startsWith("openrouter") ? 4 : 0,
    latency_ms: 2300 + Math.round(size * 11),
  };
}

export function usage(by: UsageBy, since: string): UsageGroup[] {
  if (by === "day") {
    const days = Math.min(365, Math.ceil((Date.now() - Date.parse(since)) / 86_400_000));
    return Array.from({ length: days }, (_, n) => {
      const date = before((days - 1 - n) * 86_400).slice(0, 10);
      const weekend = [0, 6].includes(new Date(date).getUTCDay());
      return group(date, (weekend ? 2 : 8) + ((n * 37) % 11));
    }).filter((_, n) => n % 9 !== 4);
  }
  const names = {
    model: ["claude/claude-opus-4-5", "openai/gpt-5.2", "claude/claude-haiku-4-5", "openrouter/qwen/qwen3-coder"],
    account: ["claude/work", "openai/default", "claude/private", "openrouter/default"],
    client: ["editor", "nightly-agent", ""],
    provider: ["claude", "openai", "openrouter"],
  }[by];
  return names.map((name, n) => group(name, 40 / (n + 1) ** 1.5));
}

export function config(broken: boolean): ConfigResponse {
  return {
    path: "/home/mila/.local/share/byokey/config.yaml",
    error: broken ? CONFIG_ERROR : null,
    port: 8018,
    host: "127.0.0.1",
    names: [],
    auth: { require_key: true },
    strict: false,
    max_body_mib: 64,
    failover: true,
    timeouts: { connect_s: 10, headers_s: 300, idle_s: 300 },
    vault: null,
    providers: broken
      ? { "my-gateway": { has_api_key: true, base_url: "https://llm.example.org/v1", headers: ["x-team"], dialect: "chat", models: ["my-model"], origins: {}, has_proxy: false, allow_retired: false } }
      : {},
    aliases: broken ? { fast: ["claude/claude-haiku-4-5", "openai/gpt-5-mini"] } : {},
  };
}

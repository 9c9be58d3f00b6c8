// Sign-ins of the fake engine: they wait where real ones do and end when the person pastes something,
// or when a test says so.

import type { FoundInfo, LinkInfo, RouteInfo, SignInInfo, StartSignInParams, StepInfo } from "../api";
import { Failure } from "../backend";
import { account, before, providers } from "./sample";

/** A sign-in that begins, or the refusal it gets. */
export function begin(id: string, params: StartSignInParams, accepted: Set<string>): SignInInfo {
  const provider = providers().find((one) => one.id === params.provider);
  const route = provider?.routes.find((one) => one.id === params.route);
  if (!provider || !route) throw new Failure("not-found", "there is no such way to sign in");
  if (route.offer === "greyed") throw new Failure("retired", `${provider.name} ended this way to sign in: ${route.reason ?? ""}`);
  const notice = route.notice?.kind === "required" ? route.notice : undefined;
  if (notice && params.accept_notice) accepted.add(notice.id);
  if (notice && !accepted.has(notice.id)) throw new Failure("needs-notice", notice.text);
  return {
    id,
    provider: provider.id,
    provider_name: provider.name,
    route: route.id,
    route_name: route.name,
    standing: route.standing,
    started: before(0),
    expires: before(-600),
    mark: "1",
    step: firstStep(route),
  };
}

function firstStep(route: RouteInfo): StepInfo {
  if (route.flow === "bridge") return { kind: "program", program: "claude", line: "Opening browser to sign in…", url: null };
  if (route.flow === "device") {
    const page = "https://github.example/login/device";
    return { kind: "code", code: "WXYZ-1234", page, direct: null, host: "github.example" };
  }
  return { kind: "browser", url: "https://claude.example/oauth?state=abc", listens: true };
}

/** What becomes of a sign-in to which somebody pasted `text`. */
export function afterPaste(signIn: SignInInfo, text: string): SignInInfo {
  const step: StepInfo = text.includes("bad")
    ? { kind: "failed", code: "foreign", message: "this answer belongs to another sign-in, so it was not used: start again" }
    : { kind: "done", account: 50, name: "default", label: "mila@example.org", renewed: false };
  return { ...signIn, step };
}

/** The account that a finished sign-in left. */
export const signedIn = (signIn: SignInInfo) => ({
  ...account(50, signIn.provider, "default", ""),
  route: signIn.route,
  kind: "tokens" as const,
  label: "mila@example.org",
  plan: "max",
  expires: before(-3600 * 7),
});

/** What other programs hold. */
export function found(): FoundInfo[] {
  const one = (id: string, owner: string, rest: Partial<FoundInfo>): FoundInfo => ({
    id,
    source: id,
    owner,
    place: `~/.${id}/auth.json`,
    provider: "openai",
    route: "codex-pkce",
    kind: "follow",
    standing: "unofficial",
    open_to_others: false,
    provider_name: "OpenAI",
    verdict: { kind: "ready", text: "it can be taken" },
    ...rest,
  });
  return [
    one("env", "environment", { place: "OPENAI_API_KEY", route: "api-key", kind: "key", standing: "official" }),
    one("codex", "Codex CLI", {
      label: "mila@example.org",
      notice: { id: "codex-oauth", version: 1, kind: "required", text: "OpenAI does not offer this login to other programs.", read: "2026-11-21" },
      verdict: { kind: "needs-notice", text: "its notice wants to be accepted" },
    }),
    one("claude-code", "Claude Code", { provider: "claude", verdict: { kind: "expired", text: "its login has ended", why: "its token ended an hour ago; run `claude` once" } }),
  ];
}

/** Links that a test puts before the person. */
export const LINKS: Record<string, LinkInfo> = {
  import: { kind: "import", source: "claude-code" },
  provider: { kind: "add-provider", name: "acme", base_url: "https://llm.acme.example/v1", host: "llm.acme.example", dialect: "chat" },
};

// The engine over HTTP, for the page in a browser and in the tray window alike. Only the source of
// events differs, because the window's scheme hands bodies over as a whole.

import type { ChangeAccountParams, Code } from "./api";
import { Failure, type Backend, type Notice } from "./backend";

/** Follows news until the returned function is called. */
export type Follow = (
  onNotice: (notice: Notice) => void,
  onLive: (live: boolean) => void,
) => () => void;

/** Where calls go, and how they prove that they may. */
export interface Door {
  /** Headers of every call. */
  headers(): Record<string, string>;
  /** Called when the engine does not accept the proof. */
  onRefused(): void;
}

/** The management API at the page's own origin. */
export function httpBackend(door: Door, follow: Follow): Backend {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await ask(door, method, path, body);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  };
  return {
    status: () => call("GET", "status"),
    providers: () => call("GET", "providers"),
    accounts: () => call("GET", "accounts"),
    addAccount: (params) => call("POST", "accounts", params),
    changeAccount: (id: number, change: ChangeAccountParams) =>
      call("PATCH", `accounts/${id}`, change),
    makeFirst: (id) => call("POST", `accounts/${id}/first`),
    checkAccount: (id) => call("POST", `accounts/${id}/check`),
    removeAccount: (id) => call("DELETE", `accounts/${id}`),
    signIns: () => call("GET", "signins"),
    startSignIn: (params) => call("POST", "signins", params),
    pasteSignIn: async (id, text) => void (await call("POST", `signins/${id}/paste`, { text })),
    cancelSignIn: async (id) => void (await call("DELETE", `signins/${id}`)),
    imports: (source) =>
      call("GET", source ? `imports?source=${encodeURIComponent(source)}` : "imports"),
    takeImports: (params) => call("POST", "imports", params),
    link: () => call("GET", "links"),
    putLinkAway: async () => void (await call("DELETE", "links")),
    keys: () => call("GET", "keys"),
    createKey: (params) => call("POST", "keys", params),
    revokeKey: async (id) => void (await call("DELETE", `keys/${id}`)),
    models: () => call("GET", "models"),
    usage: (since, by) => call("GET", `usage?since=${encodeURIComponent(since)}&by=${by}`),
    recent: (limit) => call("GET", `usage/recent?limit=${limit}`),
    config: () => call("GET", "config"),
    reload: async () => void (await call("POST", "reload")),
    follow,
  };
}

/** One call; throws a {@link Failure} unless it was accepted. */
export async function ask(
  door: Door,
  method: string,
  path: string,
  body?: unknown,
  signal: AbortSignal | null = null,
): Promise<Response> {
  const headers = door.headers();
  const request: RequestInit = { method, headers, cache: "no-store", signal };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(`/manage/${path}`, request);
  } catch {
    throw new Failure("offline", "byokey does not answer");
  }
  if (answer.ok) return answer;
  const failure = await readFailure(answer);
  if (failure.code === "unauthorized") door.onRefused();
  throw failure;
}

async function readFailure(answer: Response): Promise<Failure> {
  try {
    const { error } = (await answer.json()) as { error: { code: Code; message: string } };
    return new Failure(error.code, error.message);
  } catch {
    return new Failure("internal", `HTTP ${answer.status}`);
  }
}

// How the page in a browser comes to the management token.
//
// `byokey` prints a link whose fragment holds a code that works once and for a short while. A
// fragment is sent to no server and stands in no log; what the browser's history keeps of it is
// worthless afterwards. The page trades the code for the token, takes it out of the address, and
// keeps the token for this tab only.

const KEPT = "byokey.session";

/** The management token of this tab. */
export class Session {
  #token: string | null = sessionStorage.getItem(KEPT);

  /** The proof for every call. */
  headers(): Record<string, string> {
    return this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
  }

  /** Whether the tab has a token. */
  get open(): boolean {
    return this.#token !== null;
  }

  /** Forgets the token; the engine no longer takes it. */
  end(): void {
    this.#token = null;
    sessionStorage.removeItem(KEPT);
  }

  /** Trades the code in the address, if there is one. Returns whether the tab has a token now. */
  async begin(): Promise<boolean> {
    const code = takeCode();
    if (code === null) return this.open;
    try {
      const answer = await fetch("/ui/session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ code }),
        cache: "no-store",
      });
      if (!answer.ok) return this.open;
      const { token } = (await answer.json()) as { token: string };
      this.#token = token;
      sessionStorage.setItem(KEPT, token);
    } catch {
      // The engine is gone; the page will say so.
    }
    return this.open;
  }
}

/** Takes the code out of `#code=…`, so that neither history nor screen keeps it. */
function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", location.pathname);
  return code;
}

import { Failure } from "../backend/backend";

/** Something asked of the engine: its last good value, and what went wrong since. */
export class Loaded<T> {
  value = $state.raw<T | undefined>(undefined);
  failure = $state.raw<Failure | undefined>(undefined);
  #ask: () => Promise<T>;
  #turn = 0;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** Asks again. The old value stays until the new one is here; of several answers the last call's counts. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const value = await this.#ask();
      if (turn !== this.#turn) return;
      this.value = value;
      this.failure = undefined;
    } catch (error) {
      if (turn === this.#turn) this.failure = asFailure(error);
    }
  }
}

/** Any thrown thing as a {@link Failure}. */
export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure("internal", String(error));
}

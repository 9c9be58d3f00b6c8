import type { Failure } from "../backend/backend";
import { asFailure } from "./loaded.svelte";

/** Something the person started: whether it runs, and how it failed. */
export class Action {
  busy = $state(false);
  failure = $state.raw<Failure | undefined>(undefined);

  /** Runs `work` unless the last run is still going; returns its value, or nothing if it failed. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    this.failure = undefined;
    try {
      return await work();
    } catch (error) {
      this.failure = asFailure(error);
      return undefined;
    } finally {
      this.busy = false;
    }
  }
}

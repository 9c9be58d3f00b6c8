import { getContext, setContext } from "svelte";

import type { AccountInfo, LogoutResponse, ProviderInfo } from "../backend/api";
import type { Backend, Notice } from "../backend/backend";
import { startOfDay } from "../format";
import { Loaded } from "./loaded.svelte";

/** How many of the newest requests the page keeps. */
const RECENT = 200;
/** News within this many milliseconds are taken together. */
const GATHER = 250;

/** What every view shows of the engine, kept fresh by its news. */
export class Engine {
  readonly backend: Backend;
  readonly status;
  readonly providers;
  readonly accounts;
  readonly keys;
  readonly recent;
  readonly today;
  readonly config;
  /** Sign-ins under way, and those that ended lately. */
  readonly signIns;
  /** A link that waits for the person. */
  readonly link;
  /** Whether news come in. */
  live = $state(false);
  /** What became of the account that was signed out last, until the person has read it. */
  farewell = $state.raw<{ account: string; report: LogoutResponse } | undefined>();
  /** Rises with every request that ended. */
  requests = $state(0);
  #gathered: Set<Notice["event"]> | undefined;

  constructor(backend: Backend) {
    this.backend = backend;
    this.status = new Loaded(() => backend.status());
    this.providers = new Loaded(() => backend.providers());
    this.accounts = new Loaded(() => backend.accounts());
    this.keys = new Loaded(() => backend.keys());
    this.recent = new Loaded(() => backend.recent(RECENT));
    this.today = new Loaded(() => backend.usage(startOfDay(new Date(), 0).toISOString(), "model"));
    this.config = new Loaded(() => backend.config());
    this.signIns = new Loaded(() => backend.signIns());
    this.link = new Loaded(() => backend.link());
  }

  /** Loads everything and follows the news until the returned function is called. */
  start(): () => void {
    void this.refresh();
    return this.backend.follow(
      (notice) => this.#gather(notice),
      (live) => {
        // What happened while nobody listened is not told later.
        if (live && !this.live) void this.refresh();
        this.live = live;
        if (!live) void this.status.load();
      },
    );
  }

  /** Asks for everything again. */
  async refresh(): Promise<void> {
    await Promise.all([...this.#configured(), this.recent.load(), this.today.load(), this.signIns.load(), this.link.load()]);
  }

  /** The provider of this id. */
  provider(id: string): ProviderInfo | undefined {
    return this.providers.value?.providers.find((provider) => provider.id === id);
  }

  /** Accounts of a provider, in the order in which they are asked. */
  accountsOf(provider: string): AccountInfo[] {
    return this.accounts.value?.accounts.filter((account) => account.provider === provider) ?? [];
  }

  /** Asks for all that accounts, keys or the configuration change. */
  async reloadAccounts(): Promise<void> {
    await Promise.all([this.accounts.load(), this.keys.load(), this.status.load()]);
  }

  #gather(notice: Notice): void {
    if (this.#gathered) {
      this.#gathered.add(notice.event);
      return;
    }
    const gathered = new Set([notice.event]);
    this.#gathered = gathered;
    setTimeout(() => {
      this.#gathered = undefined;
      void this.#take(gathered);
    }, GATHER);
  }

  async #take(news: Set<Notice["event"]>): Promise<void> {
    if (news.has("missed")) return this.refresh();
    const loads: Promise<void>[] = [];
    if (news.has("config")) loads.push(...this.#configured());
    else if (news.has("accounts")) loads.push(this.reloadAccounts());
    if (news.has("signin")) loads.push(this.signIns.load());
    if (news.has("link")) loads.push(this.link.load());
    if (news.has("request")) {
      loads.push(this.recent.load(), this.today.load(), this.accounts.load());
      this.requests += 1;
    }
    await Promise.all(loads);
  }

  #configured(): Promise<void>[] {
    return [this.reloadAccounts(), this.providers.load(), this.config.load()];
  }
}

const KEY = Symbol("engine");

/** Hands the engine to all components below. */
export function setEngine(engine: Engine): void {
  setContext(KEY, engine);
}

/** The engine of the page. */
export function getEngine(): Engine {
  return getContext<Engine>(KEY);
}

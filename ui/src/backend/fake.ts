// An engine of its own making: it keeps accounts and keys in memory and answers as the real one
// does, refusals included. Tests drive the page with it.

import type {
  AccountInfo,
  AddAccountParams,
  AddAccountResponse,
  ChangeAccountParams,
  CheckResponse,
  CreateKeyParams,
  CreateKeyResponse,
  ImportParams,
  ImportResponse,
  ImportsResponse,
  KeyInfo,
  LinkInfo,
  LinkResponse,
  LogoutResponse,
  RequestInfo,
  SignInInfo,
  SignInsResponse,
  StartSignInParams,
  UsageBy,
  UsageResponse,
} from "./api";
import { Failure, type Backend, type Notice } from "./backend";
import * as sample from "./fake/sample";
import * as signins from "./fake/signins";

/** What the fake engine holds at first. */
export type Scene = "full" | "empty" | "broken" | "offline";

/** The fake engine. */
export class FakeBackend implements Backend {
  scene: Scene;
  #accounts: AccountInfo[];
  #keys: KeyInfo[];
  #requests: RequestInfo[];
  #signIns: SignInInfo[] = [];
  #accepted = new Set<string>();
  #link: LinkInfo | undefined;
  #next = 100;
  #followers = new Set<(notice: Notice) => void>();

  constructor(scene: Scene) {
    this.scene = scene;
    const full = scene === "full";
    this.#accounts = full ? sample.accounts() : [];
    this.#keys = full ? sample.keys() : [];
    this.#requests = full ? sample.requests() : [];
  }

  status = () =>
    this.#answer(() => ({
      running: true,
      url: "http://127.0.0.1:8018",
      version: "0.1.0",
      pid: 4242,
      started: sample.before(3 * 3600),
      data_dir: "/home/mila/.local/share/byokey",
      config_path: "/home/mila/.local/share/byokey/config.yaml",
      config_error: this.scene === "full" ? sample.CONFIG_ERROR : null,
      require_key: true,
      vault: "keychain",
      accounts: { total: this.#accounts.length, enabled: this.#accounts.length, idle: [], attention: [] },
      keys: this.#keys.length,
      models: 3,
    }));

  providers = () => this.#answer(() => ({ providers: sample.providers() }));
  accounts = () => this.#answer(() => ({ accounts: [...this.#accounts] }));
  keys = () => this.#answer(() => ({ keys: [...this.#keys] }));
  recent = (limit: number) => this.#answer(() => ({ requests: this.#requests.slice(0, limit) }));
  config = () => this.#answer(() => sample.config(this.scene === "full"));
  models = () =>
    this.#answer(() => ({
      models: this.#accounts.length === 0 ? [] : sample.MODELS.map(sample.model),
    }));

  addAccount = (params: AddAccountParams): Promise<AddAccountResponse> =>
    this.#answer(() => {
      if (params.check && params.key?.includes("bad")) {
        throw new Failure("key-refused", "Anthropic API does not accept this key: invalid x-api-key");
      }
      if (params.check && params.key?.includes("away")) {
        throw new Failure("unreachable", "api.anthropic.com cannot be reached: no route to host");
      }
      const name = params.name ?? (this.#accounts.some((one) => one.provider === params.provider) ? "2" : "default");
      const account = sample.account(this.#next++, params.provider, name, `…${params.key?.slice(-4) ?? ""}`);
      this.#accounts.push(account);
      this.#tell({ event: "accounts" });
      return { account, outcome: params.check ? "accepted" : "unchecked" };
    });

  changeAccount = (id: number, change: ChangeAccountParams): Promise<AccountInfo> =>
    this.#answer(() => {
      const account = this.#account(id);
      const taken = this.#accounts.some((one) => one.id !== id && one.provider === account.provider && one.name === change.name);
      if (taken) throw new Failure("name-taken", `${account.provider} has an account named \`${change.name}\` already`);
      const given = Object.entries(change).filter(([, value]) => value !== null && value !== undefined);
      return this.#put({ ...account, ...Object.fromEntries(given) });
    });

  makeFirst = (id: number): Promise<AccountInfo> =>
    this.#answer(() => {
      const lowest = Math.min(...this.#accounts.map((one) => one.priority));
      return this.#put({ ...this.#account(id), enabled: true, priority: lowest - 1 });
    });

  checkAccount = (id: number): Promise<CheckResponse> =>
    this.#answer(() =>
      this.#account(id).last_error
        ? { outcome: "refused", message: "OpenAI does not accept this key: it was revoked" }
        : { outcome: "accepted" },
    );

  removeAccount = (id: number): Promise<LogoutResponse> =>
    this.#answer(() => {
      const account = this.#account(id);
      this.#accounts = this.#accounts.filter((one) => one !== account);
      this.#tell({ event: "accounts" });
      return account.kind === "tokens"
        ? { revoked: "not-possible", message: "GitHub offers no way to end it from here.", page: "https://github.example/settings" }
        : { revoked: "not-possible", message: "A key is ended where it was made." };
    });

  signIns = (): Promise<SignInsResponse> => this.#answer(() => ({ signins: [...this.#signIns] }));

  startSignIn = (params: StartSignInParams): Promise<SignInInfo> =>
    this.#answer(() => {
      const signIn = signins.begin(`s${this.#next++}`, params, this.#accepted);
      this.#signIns.push(signIn);
      this.#tell({ event: "signin" });
      return signIn;
    });

  pasteSignIn = (id: string, text: string): Promise<void> =>
    this.#answer(() => {
      this.#signIns = this.#signIns.map((one) => (one.id === id ? signins.afterPaste(one, text) : one));
      const done = this.#signIns.find((one) => one.id === id);
      if (done?.step.kind === "done") this.#accounts.push(signins.signedIn(done));
      this.#tell({ event: "signin" });
      this.#tell({ event: "accounts" });
    });

  cancelSignIn = (id: string): Promise<void> =>
    this.#answer(() => {
      this.#signIns = this.#signIns.filter((one) => one.id !== id);
      this.#tell({ event: "signin" });
    });

  imports = (source: string | undefined): Promise<ImportsResponse> =>
    this.#answer(() => ({ found: signins.found().filter((one) => !source || one.source === source) }));

  takeImports = (params: ImportParams): Promise<ImportResponse> =>
    this.#answer(() => {
      const taken = params.ids.map((id) => ({ ...sample.account(this.#next++, "openai", id, ""), kind: "followed" as const, owner: id }));
      this.#accounts.push(...taken);
      this.#tell({ event: "accounts" });
      return { taken, refused: [] };
    });

  link = (): Promise<LinkResponse> => this.#answer(() => ({ waiting: this.#link ?? null }));

  putLinkAway = (): Promise<void> =>
    this.#answer(() => {
      this.#link = undefined;
      this.#tell({ event: "link" });
    });

  /** Somebody clicked a link. */
  ask(name: string): void {
    this.#link = signins.LINKS[name];
    this.#tell({ event: "link" });
  }

  createKey = (params: CreateKeyParams): Promise<CreateKeyResponse> =>
    this.#answer(() => {
      if (this.#keys.some((key) => key.name === params.name && !key.revoked)) {
        throw new Failure("name-taken", `there is a client key named \`${params.name}\` already`);
      }
      const key = { ...sample.key(this.#next++, params.name), limits: params.limits ?? {} };
      this.#keys.push(key);
      return { key, secret: "byk_fakefakefakefakefakefakefakefake" };
    });

  revokeKey = (id: number): Promise<void> =>
    this.#answer(() => {
      this.#keys = this.#keys.map((key) => (key.id === id ? { ...key, revoked: sample.before(0) } : key));
    });

  usage = (since: string, by: UsageBy): Promise<UsageResponse> =>
    this.#answer(() => ({ since, by, groups: this.scene === "full" ? sample.usage(by, since) : [] }));

  reload = (): Promise<void> =>
    this.#answer(() => {
      if (this.scene === "full") throw new Failure("config", sample.CONFIG_ERROR);
    });

  follow(onNotice: (notice: Notice) => void, onLive: (live: boolean) => void): () => void {
    this.#followers.add(onNotice);
    if (this.scene !== "offline") queueMicrotask(() => onLive(true));
    return () => this.#followers.delete(onNotice);
  }

  /** A request comes in now. */
  request(model: string): void {
    this.#requests.unshift({ ...sample.request(0), id: `req_${this.#next++}`, model, asked_model: model });
    this.#tell({ event: "request", id: "req" });
  }

  #answer<T>(work: () => T): Promise<T> {
    if (this.scene === "offline") return Promise.reject(new Failure("offline", "byokey does not answer"));
    if (this.scene === "broken") return Promise.reject(new Failure("vault", "database disk image is malformed"));
    try {
      return Promise.resolve(work());
    } catch (error) {
      return Promise.reject(error as Failure);
    }
  }

  #account(id: number): AccountInfo {
    const account = this.#accounts.find((one) => one.id === id);
    if (!account) throw new Failure("not-found", `there is no account ${id}`);
    return account;
  }

  #put(account: AccountInfo): AccountInfo {
    this.#accounts = this.#accounts.map((one) => (one.id === account.id ? account : one));
    this.#accounts.sort((a, b) => a.provider.localeCompare(b.provider) || a.priority - b.priority);
    this.#tell({ event: "accounts" });
    return account;
  }

  #tell(notice: Notice): void {
    for (const follower of this.#followers) follower(notice);
  }
}

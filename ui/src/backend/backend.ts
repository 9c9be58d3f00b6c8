// What the page asks of byokey. Views know this interface and nothing of HTTP, windows or tokens.

import type {
  AccountInfo,
  AccountsResponse,
  AddAccountParams,
  AddAccountResponse,
  ChangeAccountParams,
  CheckResponse,
  Code,
  ConfigResponse,
  CreateKeyParams,
  CreateKeyResponse,
  ImportParams,
  ImportResponse,
  ImportsResponse,
  KeysResponse,
  LinkResponse,
  LogoutResponse,
  ModelsResponse,
  ProvidersResponse,
  RecentResponse,
  SignInInfo,
  SignInsResponse,
  StartSignInParams,
  StatusResponse,
  UsageBy,
  UsageResponse,
} from "./api";

/** News from the engine, as `/manage/events` sends them. */
export type Notice =
  | { event: "accounts" }
  | { event: "signin" }
  | { event: "link" }
  | { event: "config"; error: string | null }
  | { event: "request"; id: string }
  /** Too many came at once; everything is to be asked again. */
  | { event: "missed" };

/** Why a call failed: the engine's code, or that nobody answered. */
export type FailureCode = Code | "offline";

/** A call that was refused or got no answer. */
export class Failure extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
  }
}

/** The engine as the page sees it. Every call may throw a {@link Failure}. */
export interface Backend {
  status(): Promise<StatusResponse>;
  providers(): Promise<ProvidersResponse>;
  accounts(): Promise<AccountsResponse>;
  addAccount(params: AddAccountParams): Promise<AddAccountResponse>;
  changeAccount(id: number, change: ChangeAccountParams): Promise<AccountInfo>;
  makeFirst(id: number): Promise<AccountInfo>;
  checkAccount(id: number): Promise<CheckResponse>;
  /** Signs out and forgets; says whether the provider ended the login, too. */
  removeAccount(id: number): Promise<LogoutResponse>;
  signIns(): Promise<SignInsResponse>;
  startSignIn(params: StartSignInParams): Promise<SignInInfo>;
  /** Hands over a code, or the address at which the browser ended. */
  pasteSignIn(id: string, text: string): Promise<void>;
  cancelSignIn(id: string): Promise<void>;
  /** What other programs hold, of one source if it is named. */
  imports(source: string | undefined): Promise<ImportsResponse>;
  takeImports(params: ImportParams): Promise<ImportResponse>;
  /** The link that waits for the person, if one does. */
  link(): Promise<LinkResponse>;
  putLinkAway(): Promise<void>;
  keys(): Promise<KeysResponse>;
  createKey(params: CreateKeyParams): Promise<CreateKeyResponse>;
  revokeKey(id: number): Promise<void>;
  models(): Promise<ModelsResponse>;
  /** Sums since an instant (RFC 3339). */
  usage(since: string, by: UsageBy): Promise<UsageResponse>;
  recent(limit: number): Promise<RecentResponse>;
  config(): Promise<ConfigResponse>;
  reload(): Promise<void>;
  /** Reports news until the returned function is called, and whether they come in at all. */
  follow(onNotice: (notice: Notice) => void, onLive: (live: boolean) => void): () => void;
}

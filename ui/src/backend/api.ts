// Made from openapi.json by `npm run api`; not to be edited.

/** Which wording of a notice is accepted. */
export interface AcceptNoticeParams {
  /** The number of the wording that the person read. */
  version: number;
}

/** How many accounts there are, and which of them cannot be asked. */
export interface AccountCounts {
  /** Those that are enabled and need a person to do something. */
  attention: AccountInfo[];
  /** Those that requests may use. */
  enabled: number;
  /** Those that are enabled but cannot be asked. */
  idle: IdleAccount[];
  /** All of them. */
  total: number;
}

/** An account as it may be shown. */
export interface AccountInfo {
  /** The only origin its key may be sent to, if it is not the provider's own. */
  base_origin?: string | null;
  /** When it was added. */
  created: string;
  /** Whether requests may use it. */
  enabled: boolean;
  /** When its access token ends; byokey renews it before. */
  expires?: string | null;
  /** What it has beside its key, by the names of the provider's fields. */
  fields: Record<string, string>;
  /** Its number. */
  id: number;
  /** Why it cannot be asked although it is enabled. */
  idle?: string | null;
  /** The end of the key, if the key is long enough to show it. */
  key_hint: string;
  /**
   * How it is held: `key`, `tokens`, `followed` (the login of another program) or `bridge` (a
   * program of the user's makes the calls).
   */
  kind: string;
  /** What people know it by: an e-mail address or a login. */
  label?: string | null;
  last_error?: FailureInfo | null;
  /** When a request last used it. */
  last_used?: string | null;
  /** Whether the provider accepted the key with a restriction. */
  limited: boolean;
  /** The user's name for it, unique within the provider. */
  name: string;
  /** The program whose login it follows. */
  owner?: string | null;
  /** The plan that it is on, in the provider's words. */
  plan?: string | null;
  /** Place among the provider's accounts; the lowest is asked first. */
  priority: number;
  /** The provider's id. */
  provider: string;
  /** When its tokens last came. */
  renewed?: string | null;
  /** The way it came in. */
  route: string;
  /** Where that program keeps the login. */
  source?: string | null;
  /** How it is. */
  state: AccountState;
}

/** How an account is. */
export interface AccountState {
  /** In one word. */
  kind: StateKind;
  /** What the person does about it; absent when there is nothing to do. */
  next?: string | null;
  /** Since when, where that is known. */
  since?: string | null;
  /** Why, in the provider's words where it said something. */
  words?: string | null;
}

/** Accounts, by provider and then in the order in which they are asked. */
export interface AccountsResponse {
  /** The accounts. */
  accounts: AccountInfo[];
}

/** An account to be added. */
export interface AddAccountParams {
  /** Whether the provider is asked first if it knows the key. */
  check?: boolean;
  /**
   * What it has beside its key, by the names of the provider's fields. An account that is given a
   * new key keeps those that are not named.
   */
  fields?: Record<string, string>;
  key?: KeyInput | null;
  /**
   * The name of the account. An account of that name gets the new key; without a name it becomes
   * `default`, then `2`, `3`, …
   */
  name?: string | null;
  /** The provider's id or another of its names. */
  provider: string;
}

/** An account that was added. */
export interface AddAccountResponse {
  /** The account. */
  account: AccountInfo;
  /** What the provider said of the key. */
  outcome: CheckOutcome;
}

/** One act in the audit trail. */
export interface AuditInfo {
  /** What was done. */
  action: string;
  /** Who did it. */
  actor: string;
  /** When it happened. */
  at: string;
  /** Its place in the trail, from 1. */
  seq: number;
  /** To what. */
  subject: string;
}

/** The audit trail, newest first. */
export interface AuditResponse {
  /** The newest acts. */
  entries: AuditInfo[];
  verdict?: AuditVerdict | null;
}

/** Whether the audit trail is as it was written. */
export interface AuditVerdict {
  /** How many entries were found good. */
  entries: number;
  /** Whether it is. */
  intact: boolean;
}

/** Who may call. */
export interface AuthInfo {
  /** Whether a request needs a client key. */
  require_key: boolean;
}

/** The user's own program that makes a provider's calls. */
export interface BridgeInfo {
  /** Names of the environment variables that it gets beside. */
  env: string[];
  /** Where it lies, if the file says so. */
  program?: string | null;
}

/** What to change of an account; an absent member stays as it is. */
export interface ChangeAccountParams {
  /** Whether requests may use it. */
  enabled?: boolean | null;
  /** Values beside its key; those not named stay, and an empty one goes back to the default. */
  fields?: Record<string, string>;
  /** A new name. */
  name?: string | null;
  /** Place among the provider's accounts; the lowest is asked first. */
  priority?: number | null;
}

/** What a provider says of a key. */
export type CheckOutcome = "accepted" | "limited" | "exhausted" | "refused" | "unreachable" | "unclear" | "unchecked";

/** The result of a check. */
export interface CheckResponse {
  /** In words, where the outcome is not plain. */
  message?: string | null;
  /** What the provider says. */
  outcome: CheckOutcome;
}

/** Why an operation was refused, in a form that a viewer can branch on. */
export type Code = "unauthorized" | "not-found" | "method" | "bad-request" | "too-large" | "unknown-provider" | "key-shape" | "key-refused" | "unreachable" | "unclear" | "unknown" | "keys-only" | "needs-notice" | "retired" | "sign-in" | "name-taken" | "bad-value" | "config" | "vault" | "internal";

/** The configuration in force. Keys and header values, which may be secrets, are not shown. */
export interface ConfigResponse {
  /** Name → models to try, in order. */
  aliases: Record<string, string[]>;
  /** Who may call. */
  auth: AuthInfo;
  /** Why the file is not in force, if it is not. */
  error?: string | null;
  /** Whether a request that one account could not serve goes to the next one. */
  failover: boolean;
  /** The configured address; the command line may overrule it. */
  host: string;
  /** Largest request body in MiB. */
  max_body_mib: number;
  /** Names besides the loopback literals that a request's `Host` may carry. */
  names: string[];
  /** The configuration file, whether it exists or not. */
  path: string;
  /** The configured port; the command line may overrule it. */
  port: number;
  /** Settings by provider id. */
  providers: Record<string, ProviderSettings>;
  /** Whether a translation that would lose something is refused. */
  strict: boolean;
  /** How long to wait for what. */
  timeouts: TimeoutsInfo;
  /** What holds the vault's key, if the file says so. */
  vault?: string | null;
}

/** A client key to be made. */
export interface CreateKeyParams {
  /** What it may do; absent means everything. */
  limits?: LimitsInfo;
  /** A name, unique among the keys that are valid. */
  name: string;
}

/**
 * A client key that was just made. The one reply of this API that holds a secret, and it does so
 * only once: nobody can ask for it again.
 */
export interface CreateKeyResponse {
  /** The key's row. */
  key: KeyInfo;
  /** The key itself, `byk_…`. */
  secret: string;
}

/** The body of every refusal. */
export interface ErrorResponse {
  error: ManageError;
}

/** The failure of an account's last request. */
export interface FailureInfo {
  /** When it happened. */
  at: string;
  /** What the provider or the network said; empty if nothing. */
  message: string;
}

/** A value that an account has beside its key. */
export interface FieldInfo {
  /** Value when none is given; `{other}` is the value of another field. */
  default?: string | null;
  /** Environment variables that usually hold it. */
  env: string[];
  /** What to ask a person for. */
  label: string;
  /** Its name. */
  name: string;
  /** Routes whose accounts have it; empty means all. */
  routes: string[];
}

/** A link that was followed. */
export interface FollowLinkParams {
  /** The whole link. */
  link: KeyInput;
}

/** What became of a link. */
export interface FollowLinkResponse {
  /** In one word. */
  outcome: LinkOutcome;
}

/** A login or key that can be taken, or the reason why not. Holds no secret. */
export interface FoundInfo {
  /** When its access token ends. */
  expires?: string | null;
  /** Its name among what was found; the same each time as long as it lies there. */
  id: string;
  /**
   * What it becomes: `key` (an account of its own), `follow` (an account that follows the owner's
   * login) or `token` (an account of its own that nobody renews).
   */
  kind: FoundKindInfo;
  /** What people know the account by. */
  label?: string | null;
  notice?: NoticeInfo | null;
  /** Whether other users of the computer can read it where it lies. */
  open_to_others: boolean;
  /** The program that owns it. */
  owner: string;
  /** Where it lies. */
  place: string;
  /** The plan that it is on, in the provider's words. */
  plan?: string | null;
  /** The provider's id. */
  provider: string;
  /** The provider's name. */
  provider_name: string;
  /** The route's id. */
  route: string;
  /** Name by which a person asks for it, such as `claude-code` or `env`. */
  source: string;
  /** On whose word its route stands: `official`, `bridge`, `unofficial` or `retired`. */
  standing: string;
  /** Whether it can be taken. */
  verdict: VerdictInfo;
}

/** What something that was found becomes. */
export type FoundKindInfo = "key" | "follow" | "token";

/** An account that cannot be asked. */
export interface IdleAccount {
  /** Its number. */
  id: number;
  /** The user's name for it. */
  name: string;
  /** The provider's id. */
  provider: string;
  /** Why it cannot be asked, and what to do. */
  reason: string;
}

/** What to take. */
export interface ImportParams {
  /** Whether the person has read the notices of these routes and accepts them. */
  accept_notice?: boolean;
  /** Names among what was found. */
  ids: string[];
}

/** What was taken and what was not. */
export interface ImportResponse {
  /** What was not taken. */
  refused: RefusedImport[];
  /** The accounts. */
  taken: AccountInfo[];
}

/** What other programs on this computer hold, and keys in the engine's environment. */
export interface ImportsResponse {
  /** What was found. */
  found: FoundInfo[];
}

/** A client key as it may be shown. */
export interface KeyInfo {
  /** When it was made. */
  created: string;
  /** Its first characters. */
  hint: string;
  /** Its number. */
  id: number;
  /** When a request last came with it. */
  last_used?: string | null;
  /** What it may do. */
  limits: LimitsInfo;
  /** The user's name for it. */
  name: string;
  /** When it was revoked. */
  revoked?: string | null;
  /** Estimated cost it has caused, in USD. */
  spent_usd: number;
}

/** A key on its way in. It cannot be printed, and its memory is wiped. */
export type KeyInput = string;

/** All client keys, revoked ones too, oldest first. */
export interface KeysResponse {
  /** The keys. */
  keys: KeyInfo[];
}

/** What a client key may do. */
export interface LimitsInfo {
  /** Estimated cost it may cause in all, in USD. */
  budget_usd?: number | null;
  /** When it stops working. */
  expires?: string | null;
  /** Model names it may ask for, also `prefix*`; empty means all. */
  models?: string[];
  /** Requests per minute. */
  rpm?: number | null;
}

/** What a link asks for. Nothing of it was read, stored or called. */
export type LinkInfo = {
  kind: "import";
  /** The source's name. */
  source: string;
} | {
  /** Where it is reached. */
  base_url: string;
  /** What it speaks. */
  dialect: string;
  /** The host of that address. */
  host: string;
  kind: "add-provider";
  /** Its id. */
  name: string;
};

/** What became of a link. */
export type LinkOutcome = "sign-in" | "waiting" | "open" | "dropped";

/** The link that waits for the person. */
export interface LinkResponse {
  waiting?: LinkInfo | null;
}

/** What became of an account that was logged out. Here it is forgotten in any case. */
export interface LogoutResponse {
  /** The whole of it in words. */
  message: string;
  /** Page on which the person can end the login, where byokey did not. */
  page?: string | null;
  /** What became of its login at the provider. */
  revoked: RevokedInfo;
}

/** An operation that was refused: a code for programs, a sentence for people. */
export interface ManageError {
  /** What happened. */
  code: Code;
  /** What happened and what to do. */
  message: string;
  notice?: NoticeInfo | null;
  retired?: RetiredInfo | null;
}

/** A model that the accounts serve now, or an alias. */
export interface ModelInfo {
  /** Most tokens of prompt and reply together. */
  context?: number | null;
  /** The dialects in which its provider takes requests; programs that speak another are translated. */
  dialects: string[];
  /** The name that programs ask for. */
  id: string;
  /** What a prompt may hold; empty when nobody tells. */
  input: string[];
  /** The levels of reasoning that it takes, lowest first. */
  levels: string[];
  /** Whether the provider's own live list has it; else the catalogue says so. */
  live: boolean;
  /** Most tokens of a reply. */
  max_output?: number | null;
  /** Name shown to people. */
  name?: string | null;
  price?: PriceInfo | null;
  /** The provider that serves it; absent for an alias. */
  provider?: string | null;
  /** Whether it reasons, if that is known. */
  reasoning?: boolean | null;
  /** Whether it calls tools, if that is known. */
  tools?: boolean | null;
}

/** The models that the accounts serve now. */
export interface ModelsResponse {
  /** The models. */
  models: ModelInfo[];
}

/** A text that a person reads before or beside a route. */
export interface NoticeInfo {
  /** When a person accepted this wording. */
  accepted_at?: string | null;
  /** Name kept with an acceptance. */
  id: string;
  /** How it is shown: `text`, `modal`, `required` or `greyed`. */
  kind: string;
  /** Day on which that page was read, `YYYY-MM-DD`. */
  read: string;
  /** The provider's page that it speaks of. */
  source?: string | null;
  /** The words. */
  text: string;
  /** Number of the wording; acceptance of an older one no longer counts. */
  version: number;
}

/** Overrides of a provider's sign-in data. */
export interface OauthInfo {
  /** Authorization page. */
  authorize_url?: string | null;
  /** Client id of the user's own application. */
  client_id?: string | null;
  /** Device-code endpoint. */
  device_url?: string | null;
  /** Whether the file holds a secret of that application. */
  has_client_secret: boolean;
  /** OpenID issuer. */
  issuer?: string | null;
  /** Redirect address. */
  redirect?: string | null;
  /** Revocation endpoint. */
  revoke_url?: string | null;
  /** Scopes that are asked for. */
  scopes: string[];
  /** Token endpoint. */
  token_url?: string | null;
}

/** A link to the page. */
export interface PageLinkResponse {
  /** Seconds in which it can be opened, once. */
  expires_s: number;
  /** Path and fragment, to be put behind the endpoint's URL. Whoever opens it manages byokey. */
  path: string;
}

/** Text that a person pasted into a sign-in. */
export interface PasteParams {
  /** A code, or the address at which the browser ended. */
  text: KeyInput;
}

/** List prices in USD per million tokens; a price that no source has is absent, never zero. */
export interface PriceInfo {
  /** Day on which the source was read, `YYYY-MM-DD`. */
  as_of: string;
  /** Prompt tokens read from the cache. */
  cache_read?: number | null;
  /** Prompt tokens written to the cache. */
  cache_write?: number | null;
  /** Prompt tokens. */
  input?: number | null;
  /** Reply tokens. */
  output?: number | null;
  /** Where the figures come from. */
  source: string;
}

/** A company product that a person may have an account with. */
export interface ProviderInfo {
  /** Other names that mean it. */
  aliases: string[];
  /** Whether the configuration lets ways be tried that the provider has ended. */
  allow_retired: boolean;
  /** Day on which the row was last compared with its sources, `YYYY-MM-DD`. */
  as_of?: string | null;
  /** Where its requests go: the configured base, or the row's. */
  base_url: string;
  /** Whether a key can be checked by a free call. */
  checkable: boolean;
  /** Page for people. */
  docs_url?: string | null;
  /** Whether the configuration leaves it on. */
  enabled: boolean;
  /** Environment variables that usually hold its key. */
  env: string[];
  /** Values that its accounts have beside their keys. */
  fields: FieldInfo[];
  /** Name in configuration and model names. */
  id: string;
  /** `subscription`, `key`, `local` or `custom`. */
  kind: string;
  /** Known models. */
  models: number;
  /** Name shown to people. */
  name: string;
  /** Ways to get a credential, the recommended one first. */
  routes: RouteInfo[];
  /**
   * Names under which a person may ask to sign in, and the routes that each means, the one first
   * that is taken if nobody names a route; the provider's own names mean all of its routes.
   */
  sign_in: Record<string, string[]>;
}

/** Settings of one provider. */
export interface ProviderSettings {
  /** Whether ways to sign in that the provider has ended may be tried. */
  allow_retired: boolean;
  /** Another place that speaks the provider's dialect. */
  base_url?: string | null;
  bridge?: BridgeInfo | null;
  /** What a provider of the user's own speaks. */
  dialect?: string | null;
  /** Whether the provider is used at all. */
  enabled?: boolean | null;
  /** Whether the file holds an API key for it. */
  has_api_key: boolean;
  /** Whether its calls go through a network proxy. */
  has_proxy: boolean;
  /** Names of extra request headers. */
  headers: string[];
  /** What a provider of the user's own serves. */
  models: string[];
  oauth?: OauthInfo | null;
  /** Origin → origin: whatever byokey would call at the first goes to the second. */
  origins: Record<string, string>;
}

/** All providers, by id. */
export interface ProvidersResponse {
  /** The providers. */
  providers: ProviderInfo[];
}

/** The newest requests, newest first. */
export interface RecentResponse {
  /** The requests. */
  requests: RequestInfo[];
}

/** Something that was not taken. */
export interface RefusedImport {
  /** Its name among what was found. */
  id: string;
  /** Why, and what to do. */
  message: string;
}

/** One request and what it cost. */
export interface RequestInfo {
  /** The account that answered, or was last asked. */
  account?: string | null;
  /** The model's name as the caller wrote it. */
  asked_model: string;
  /** When it arrived. */
  at: string;
  /** Length of the audio that was heard, in milliseconds, where the reply says so. */
  audio_ms?: number | null;
  /** The caller's dialect. */
  caller_dialect: string;
  /** Characters of text that was spoken, where the reply says so. */
  characters?: number | null;
  /** The name of the client key it came with. */
  client?: string | null;
  /** Estimated cost in USD. */
  cost_usd?: number | null;
  /** What went wrong. */
  error?: string | null;
  /** Its id, as in the reply's `x-byokey-request-id`. */
  id: string;
  /** Images that were made. */
  images?: number | null;
  /** From arrival to the last byte, in milliseconds. */
  latency_ms: number;
  /** How many members a translation lost. */
  losses: number;
  /** The first of them, each as `path=action`. */
  lost: string[];
  /** The model's name at the provider. */
  model?: string | null;
  /**
   * How it ended: `ok`, `client-gone`, `upstream-error`, `upstream-cut`, `unreachable`,
   * `timeout` or `refused`.
   */
  outcome: string;
  /** `pass` or `via`. */
  plan?: string | null;
  /** The provider that answered, or was last asked. */
  provider?: string | null;
  /** The HTTP status sent to the caller. */
  status: number;
  /** Whether the caller asked for a stream. */
  stream: boolean;
  /** The tokens that the provider reported. */
  tokens: Tokens;
  /** From arrival to the first byte of content, in milliseconds. */
  ttft_ms?: number | null;
  /** The dialect spoken to the provider. */
  upstream_dialect?: string | null;
}

/** Why a way to sign in is closed. */
export interface RetiredInfo {
  /** Why. */
  reason: string;
  /** What to use instead. */
  replacement: string;
  /** The route's name. */
  route: string;
  /** Day on which it ended, `YYYY-MM-DD`; empty if unknown. */
  since: string;
}

/** A client key that was revoked. */
export interface RevokeKeyResponse {
  /** Its number. */
  id: number;
}

/** What became of a login at its provider. */
export type RevokedInfo = "yes" | "no" | "not-possible";

/** One way to get a credential. */
export interface RouteInfo {
  /** Whether it is what signing in takes if nobody names a route. */
  best: boolean;
  /** Whom a person may sign in with, where the provider leaves a choice. */
  choices: string[];
  /** Names of the provider's fields that it asks for. */
  fields: string[];
  /** What a person does: `open` (nothing), `key`, `browser`, `device` or `bridge`. */
  flow: string;
  /** Name in rows, unique within the provider. */
  id: string;
  /** Page that tells how to install it. */
  install_url?: string | null;
  /** Whether that program was found. */
  installed?: boolean | null;
  /** Page on which a key is made. */
  key_page?: string | null;
  /** Whether a person signs in by it, rather than bringing a key or nothing. */
  login: boolean;
  /** Name shown to people. */
  name: string;
  notice?: NoticeInfo | null;
  /** How it is offered, with the user's configuration: `on`, `after-notice` or `greyed`. */
  offer: string;
  /** The user's own program that makes the calls. */
  program?: string | null;
  /** Why it is restricted or retired. */
  reason?: string | null;
  /** What to use instead. */
  replacement?: string | null;
  /** Day on which it ended, `YYYY-MM-DD`. */
  retired?: string | null;
  /** Page on which the person ends the login or deletes the key at the provider. */
  sessions_page?: string | null;
  /** Day from which the status holds, `YYYY-MM-DD`. */
  since?: string | null;
  /** On whose word it stands: `official`, `bridge`, `unofficial` or `retired`. */
  standing: string;
  /** Whether it works: `active`, `restricted` or `retired`. */
  status: string;
}

/** A sign-in under way, or one that ended lately. */
export interface SignInInfo {
  /** When it is given up. */
  expires: string;
  /** Its id. */
  id: string;
  /** Names this step; `after` takes it. */
  mark: string;
  /** The provider's id. */
  provider: string;
  /** The provider's name. */
  provider_name: string;
  /** The route's id. */
  route: string;
  /** The route's name. */
  route_name: string;
  /** On whose word the route stands: `official`, `bridge`, `unofficial` or `retired`. */
  standing: string;
  /** When it began. */
  started: string;
  /** Where it stands. */
  step: StepInfo;
}

/** Sign-ins, the oldest first. */
export interface SignInsResponse {
  /** The sign-ins. */
  signins: SignInInfo[];
}

/** A sign-in that a person asks for. */
export interface StartSignInParams {
  /** Whether the person has read the route's notice and accepts it. */
  accept_notice?: boolean;
  /** Whom to sign in with, where the route leaves a choice. */
  choice?: string | null;
  /** Values that the route asks for, by the names of the provider's fields. */
  fields?: Record<string, string>;
  /** Whether the person's browser is on another machine, so that they paste what it ends at. */
  headless?: boolean;
  /** The name that the account is to have. */
  name?: string | null;
  /** The provider's id, or another name under which it is signed in to, such as `codex`. */
  provider: string;
  /** The route's id; the best one that the provider leaves open if absent. */
  route?: string | null;
}

/** How an account is, in one word. */
export type StateKind = "fresh" | "refreshing" | "follows" | "needs-sign-in" | "needs-owner" | "needs-notice" | "blocked" | "retired";

/** How byokey is. */
export interface StatusResponse {
  /** The accounts. */
  accounts: AccountCounts;
  /** Why the configuration file is not in force, if it is not. */
  config_error?: string | null;
  /** The configuration file, whether it exists or not. */
  config_path: string;
  /** The data folder. */
  data_dir: string;
  /** Client keys that are valid. */
  keys: number;
  /** Models and aliases that the accounts serve. */
  models: number;
  /** Its process. */
  pid: number;
  /** Whether a request needs a client key. */
  require_key: boolean;
  /** Whether the engine listens. */
  running: boolean;
  /** When it started. */
  started: string;
  /** The URL that programs are given, without a path. */
  url?: string | null;
  /** What holds the vault's key. */
  vault: string;
  /** Its version. */
  version: string;
}

/** Where a sign-in stands. Holds no code, verifier or token that a person is not meant to read. */
export type StepInfo = {
  kind: "starting";
} | {
  kind: "browser";
  /** Whether byokey listens for the way back; else only pasting finishes it. */
  listens: boolean;
  /** The page. */
  url: string;
} | {
  /** The code. */
  code: string;
  /** A page that knows the code already, on the provider's own host. */
  direct?: string | null;
  /** The provider's host, to be shown with the code. */
  host: string;
  kind: "code";
  /** The page to type it on. */
  page: string;
} | {
  kind: "program";
  /** What it said last. */
  line: string;
  /** The program. */
  program: string;
  /** A page that it wants opened. */
  url?: string | null;
} | {
  kind: "working";
  /** What byokey does now. */
  work: WorkInfo;
} | {
  /** The account's number. */
  account: number;
  kind: "done";
  /** What people know it by. */
  label?: string | null;
  /** Its name. */
  name: string;
  /** Whether it was there before. */
  renewed: boolean;
} | {
  /** One word for programs. */
  code: string;
  kind: "failed";
  /** What happened and what to do next. */
  message: string;
};

/** How long to wait for what, in seconds. */
export interface TimeoutsInfo {
  /** For a connection to a provider. */
  connect_s: number;
  /** From the end of the request to the provider's first byte. */
  headers_s: number;
  /** Between two pieces of a reply. */
  idle_s: number;
  /** For the whole exchange; absent means no limit. */
  total_s?: number | null;
}

/**
 * Tokens, in one convention for all providers: `input` is the whole prompt, cached parts included.
 * A count that no provider reported is absent, never zero.
 */
export interface Tokens {
  /** Prompt tokens read from the provider's cache. */
  cache_read?: number | null;
  /** Prompt tokens written to the provider's cache. */
  cache_write?: number | null;
  /** All prompt tokens. */
  input?: number | null;
  /** Reply tokens, reasoning included. */
  output?: number | null;
  /** Reasoning tokens within `output`. */
  reasoning?: number | null;
}

/** What usage is summed by. */
export type UsageBy = "model" | "account" | "client" | "day" | "provider";

/** The sums of one group. */
export interface UsageGroup {
  /** Estimated cost in USD by list prices, of the requests whose price is known. */
  cost_usd: number;
  /** Those of them that failed. */
  failed: number;
  /** The group; empty for requests that have none. */
  group: string;
  /** The mean time from a request's arrival to the last byte of its reply, in milliseconds. */
  latency_ms: number;
  /** Requests. */
  requests: number;
  /** All tokens that were reported. */
  tokens: Tokens;
  /** Requests with tokens but without a known price: `cost_usd` lacks them. */
  unpriced: number;
}

/** Usage since a moment. */
export interface UsageResponse {
  /** What it is summed by. */
  by: UsageBy;
  /** The groups, largest cost first; days in order. */
  groups: UsageGroup[];
  /** The moment. */
  since: string;
}

/** Whether something that was found can be taken. */
export interface VerdictInfo {
  /** The account that it is already. */
  account?: number | null;
  /** In one word. */
  kind: VerdictKind;
  /** The whole of it in words, as the end of a sentence. */
  text: string;
  /** Why not, and what to do, where the word does not say it. */
  why?: string | null;
}

/** Whether something that was found can be taken, in one word. */
export type VerdictKind = "ready" | "already-here" | "needs-notice" | "signed-out" | "expired" | "unusable" | "retired";

/** What byokey does after the person's part. */
export type WorkInfo = "exchange" | "identity" | "setup" | "sealing";

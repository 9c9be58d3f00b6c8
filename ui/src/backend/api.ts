// Made from openapi.json by `npm run api`; not to be edited.

export interface AccountCounts {
  total: number;
  enabled: number;
  idle: IdleAccount[];
}

export interface AccountInfo {
  id: number;
  provider: string;
  name: string;
  route: string;
  enabled: boolean;
  priority: number;
  limited: boolean;
  base_origin?: string | null;
  key_hint: string;
  created: string;
  last_used?: string | null;
  last_error?: FailureInfo | null;
  idle?: string | null;
}

export interface AccountsResponse {
  accounts: AccountInfo[];
}

export interface AddAccountParams {
  provider: string;
  name?: string | null;
  key?: string | null;
  check?: boolean;
}

export interface AddAccountResponse {
  account: AccountInfo;
  outcome: CheckOutcome;
}

export interface AuditInfo {
  seq: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
}

export interface AuditResponse {
  entries: AuditInfo[];
  verdict?: AuditVerdict | null;
}

export interface AuditVerdict {
  intact: boolean;
  entries: number;
}

export interface AuthInfo {
  require_key: boolean;
}

export interface ChangeAccountParams {
  name?: string | null;
  enabled?: boolean | null;
  priority?: number | null;
}

export type CheckOutcome = "accepted" | "limited" | "exhausted" | "refused" | "unreachable" | "unclear" | "unchecked";

export interface CheckResponse {
  outcome: CheckOutcome;
  message?: string | null;
}

export type Code = "unauthorized" | "not-found" | "method" | "bad-request" | "too-large" | "unknown-provider" | "key-shape" | "key-refused" | "unreachable" | "unclear" | "name-taken" | "bad-value" | "config" | "vault" | "internal";

export interface ConfigResponse {
  path: string;
  error?: string | null;
  port: number;
  host: string;
  names: string[];
  auth: AuthInfo;
  strict: boolean;
  max_body_mib: number;
  failover: boolean;
  timeouts: TimeoutsInfo;
  vault?: string | null;
  providers: Record<string, ProviderSettings>;
  aliases: Record<string, string[]>;
}

export interface CreateKeyParams {
  name: string;
  limits?: LimitsInfo;
}

export interface CreateKeyResponse {
  key: KeyInfo;
  secret: string;
}

export interface FailureInfo {
  at: string;
  message: string;
}

export interface IdleAccount {
  id: number;
  provider: string;
  name: string;
  reason: string;
}

export interface KeyInfo {
  id: number;
  name: string;
  hint: string;
  limits: LimitsInfo;
  spent_usd: number;
  created: string;
  last_used?: string | null;
  revoked?: string | null;
}

export interface KeysResponse {
  keys: KeyInfo[];
}

export interface LimitsInfo {
  models?: string[];
  rpm?: number | null;
  budget_usd?: number | null;
  expires?: string | null;
}

export interface ManageError {
  code: Code;
  message: string;
}

export interface ModelInfo {
  id: string;
  provider?: string | null;
  name?: string | null;
  context?: number | null;
  max_output?: number | null;
  input: string[];
  tools?: boolean | null;
  reasoning?: boolean | null;
  price?: PriceInfo | null;
}

export interface ModelsResponse {
  models: ModelInfo[];
}

export interface NoticeInfo {
  id: string;
  version: number;
  kind: string;
  text: string;
  source?: string | null;
  read: string;
}

export interface OauthInfo {
  client_id?: string | null;
  authorize_url?: string | null;
  token_url?: string | null;
  device_url?: string | null;
  redirect?: string | null;
}

export interface PriceInfo {
  input?: number | null;
  output?: number | null;
  cache_read?: number | null;
  cache_write?: number | null;
  source: string;
  as_of: string;
}

export interface ProviderInfo {
  id: string;
  name: string;
  aliases: string[];
  kind: string;
  enabled: boolean;
  base_url: string;
  docs_url?: string | null;
  checkable: boolean;
  env: string[];
  models: number;
  as_of?: string | null;
  routes: RouteInfo[];
}

export interface ProviderSettings {
  has_api_key: boolean;
  base_url?: string | null;
  enabled?: boolean | null;
  headers: string[];
  dialect?: string | null;
  models: string[];
  oauth?: OauthInfo | null;
}

export interface ProvidersResponse {
  providers: ProviderInfo[];
}

export interface RecentResponse {
  requests: RequestInfo[];
}

export interface RequestInfo {
  id: string;
  at: string;
  client?: string | null;
  provider?: string | null;
  account?: string | null;
  model?: string | null;
  asked_model: string;
  caller_dialect: string;
  upstream_dialect?: string | null;
  plan?: string | null;
  stream: boolean;
  status: number;
  outcome: string;
  tokens: Tokens;
  cost_usd?: number | null;
  latency_ms: number;
  ttft_ms?: number | null;
  losses: number;
  error?: string | null;
}

export interface RevokeKeyResponse {
  id: number;
}

export interface RouteInfo {
  id: string;
  name: string;
  flow: string;
  standing: string;
  status: string;
  offer: string;
  since?: string | null;
  retired?: string | null;
  reason?: string | null;
  replacement?: string | null;
  key_page?: string | null;
  notice?: NoticeInfo | null;
}

export interface StatusResponse {
  running: boolean;
  url?: string | null;
  version: string;
  pid: number;
  started: string;
  data_dir: string;
  config_path: string;
  config_error?: string | null;
  require_key: boolean;
  vault: string;
  accounts: AccountCounts;
  keys: number;
  models: number;
}

export interface TimeoutsInfo {
  connect_s: number;
  headers_s: number;
  idle_s: number;
  total_s?: number | null;
}

export interface Tokens {
  input?: number | null;
  cache_read?: number | null;
  cache_write?: number | null;
  output?: number | null;
  reasoning?: number | null;
}

export type UsageBy = "model" | "account" | "client" | "day" | "provider";

export interface UsageGroup {
  group: string;
  requests: number;
  failed: number;
  tokens: Tokens;
  cost_usd: number;
  unpriced: number;
  latency_ms: number;
}

export interface UsageResponse {
  since: string;
  by: UsageBy;
  groups: UsageGroup[];
}

import type { AccountInfo, ProviderInfo } from "../backend/api";
import { t } from "../text";

/** How an account is, at a glance: the colour of its dot, and a word that says the same. */
export interface AccountStanding {
  tone: "good" | "warn" | "bad" | "off";
  text: string;
}

/** Conditions that a person should see before all else. */
const TONES: Record<string, AccountStanding["tone"] | undefined> = {
  "needs-sign-in": "bad",
  "needs-owner": "bad",
  "needs-notice": "warn",
  blocked: "bad",
  retired: "off",
  refreshing: "warn",
};

/** What hinders an account most, if anything does. */
export function standingOf(account: AccountInfo, provider: ProviderInfo | undefined): AccountStanding {
  if (!account.enabled) return { tone: "off", text: t.accounts.off };
  if (provider && !provider.enabled) return { tone: "off", text: t.accounts.providerOff };
  const tone = TONES[account.state.kind];
  if (tone) return { tone, text: t.accounts.state[account.state.kind] ?? account.state.kind };
  if (account.idle) return { tone: "bad", text: t.accounts.idle };
  if (account.last_error) return { tone: "bad", text: t.accounts.failed };
  if (account.limited) return { tone: "warn", text: t.accounts.limited };
  if (account.state.kind === "follows") return { tone: "good", text: t.accounts.state.follows ?? "" };
  return { tone: "good", text: t.accounts.good };
}

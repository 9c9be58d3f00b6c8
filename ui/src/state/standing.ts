import type { AccountInfo, ProviderInfo } from "../backend/api";
import { t } from "../text";

/** How an account is, at a glance: the colour of its dot, and a word that says the same. */
export interface AccountStanding {
  tone: "good" | "warn" | "bad" | "off";
  text: string;
}

/** What hinders an account most, if anything does. */
export function standingOf(account: AccountInfo, provider: ProviderInfo | undefined): AccountStanding {
  if (!account.enabled) return { tone: "off", text: t.accounts.off };
  if (provider && !provider.enabled) return { tone: "off", text: t.accounts.providerOff };
  if (account.idle) return { tone: "bad", text: t.accounts.idle };
  if (account.last_error) return { tone: "bad", text: t.accounts.failed };
  if (account.limited) return { tone: "warn", text: t.accounts.limited };
  return { tone: "good", text: t.accounts.good };
}

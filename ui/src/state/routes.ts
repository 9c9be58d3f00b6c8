import type { ProviderInfo, RouteInfo } from "../backend/api";

/** Whether the provider ended this way in. */
export function isRetired(route: RouteInfo): boolean {
  return route.standing === "retired" || route.status === "retired";
}

/** Whether byokey can go this way now. */
export function isOpen(route: RouteInfo): boolean {
  return (route.flow === "key" || route.flow === "open") && !isRetired(route);
}

/** The ways to sign in that byokey knows. */
export function logins(provider: ProviderInfo): RouteInfo[] {
  return provider.routes.filter((route) => route.login);
}

/** All ways to an account: what the provider offers, then keys, then what it does not offer to
 * others, and what ended last. */
export function ways(provider: ProviderInfo): (RouteInfo | "key")[] {
  const place = (way: RouteInfo | "key") => {
    if (way === "key") return 1;
    if (isRetired(way)) return 3;
    return way.standing === "unofficial" ? 2 : 0;
  };
  const keys = takesKeys(provider) ? (["key"] as const) : [];
  const best = (way: RouteInfo | "key") => Number(way !== "key" && way.best);
  return [...logins(provider), ...keys].sort((a, b) => place(a) - place(b) || best(b) - best(a));
}

/** Whether an account can be added by a key, or without one. */
export function takesKeys(provider: ProviderInfo): boolean {
  return provider.routes.some(isOpen);
}

/** Whether all ways to the provider have ended. */
export function isOver(provider: ProviderInfo): boolean {
  return provider.routes.length > 0 && provider.routes.every(isRetired);
}

import type { ProviderInfo, RouteInfo } from "../backend/api";

/** Whether the provider ended this way in. */
export function isRetired(route: RouteInfo): boolean {
  return route.standing === "retired" || route.status === "retired";
}

/** Whether byokey can go this way now. */
export function isOpen(route: RouteInfo): boolean {
  return (route.flow === "key" || route.flow === "open") && !isRetired(route);
}

/** The ways to sign in that byokey can go, the best first; those that ended come last. */
export function logins(provider: ProviderInfo): RouteInfo[] {
  const place = (route: RouteInfo) => (route.best ? 0 : isRetired(route) ? 2 : 1);
  return provider.routes.filter((route) => route.login).sort((a, b) => place(a) - place(b));
}

/** Whether an account can be added by a key, or without one. */
export function takesKeys(provider: ProviderInfo): boolean {
  return provider.routes.some(isOpen);
}

/** Whether all ways to the provider have ended. */
export function isOver(provider: ProviderInfo): boolean {
  return provider.routes.length > 0 && provider.routes.every(isRetired);
}

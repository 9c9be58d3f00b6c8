import type { RequestInfo } from "../backend/api";

/** Whether the caller did not get what it waited for. */
export function failed(request: RequestInfo): boolean {
  return request.outcome !== "ok" && request.outcome !== "client-gone";
}

/** Whether a request holds every word of a filter somewhere in what is shown of it. */
export function matches(request: RequestInfo, filter: string): boolean {
  const shown = [request.client, request.model, request.asked_model, request.provider, request.account, request.outcome, request.error, request.id, `${request.status}`]
    .join(" ")
    .toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => shown.includes(word));
}

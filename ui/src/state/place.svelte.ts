export const VIEWS = ["overview", "accounts", "usage", "keys", "activity", "settings"] as const;

/** A view of the page. */
export type View = (typeof VIEWS)[number];

/** Which view is shown; it stands in the address, so that reload and history work. */
export class Place {
  view = $state<View>(fromHash(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.view = fromHash(location.hash)));
  }
}

/** The view of `#/usage`; the overview for anything unknown. */
export function fromHash(hash: string): View {
  return VIEWS.find((view) => hash === `#/${view}`) ?? "overview";
}

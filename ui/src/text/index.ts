// The texts of the page, in the first language of the system's list that byokey knows.

import { de } from "./de";
import { en, type Texts } from "./en";
import { zh } from "./zh";

const LANGUAGES: Record<string, Texts> = { en, de, zh };

/** The first known language of a list like `["de-AT", "en"]`, with the tag to format numbers by. */
export function choose(wanted: readonly string[]): { texts: Texts; locale: string; language: string } {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0] ?? "";
    const texts = LANGUAGES[language];
    if (texts) return { texts, locale: tag, language };
  }
  return { texts: en, locale: "en", language: "en" };
}

const chosen = choose(typeof navigator === "undefined" ? ["en"] : navigator.languages);

/** The texts. */
export const t: Texts = chosen.texts;
/** The tag by which numbers and dates are written. */
export const locale: string = chosen.locale;
/** The language of the texts. */
export const language: string = chosen.language;

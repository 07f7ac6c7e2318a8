/** What a new package can be. */
export const kinds = ["filter", "scorer", "scraper", "picker", "producer", "hook"] as const;
export type Kind = (typeof kinds)[number];

export const languages = ["ts", "js"] as const;
export type Language = (typeof languages)[number];

/** What each kind does, for people who have to choose. */
export const kindTexts: Readonly<Record<Kind, string>> = {
  filter: "says which endpoints may serve a request",
  scorer: "rates the endpoints",
  scraper: "collects the state of endpoints in the background",
  picker: "chooses by the scores",
  producer: "computes data of a request that other plugins share",
  hook: "sees requests and answers go by",
};

export const languageTexts: Readonly<Record<Language, string>> = {
  ts: "TypeScript",
  js: "JavaScript, no build and no dependencies",
};

/** The kind that a name ends with (`my-scorer`); undefined when it ends with none. */
export function kindInName(name: string): Kind | undefined {
  return kinds.find((kind) => name === kind || name.endsWith(`-${kind}`));
}

export function isKind(text: string): text is Kind {
  return (kinds as readonly string[]).includes(text);
}

export function isLanguage(text: string): text is Language {
  return (languages as readonly string[]).includes(text);
}

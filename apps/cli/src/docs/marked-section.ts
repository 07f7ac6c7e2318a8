const start = "<!-- options:start -->";
const end = "<!-- options:end -->";

/** The text with its section replaced, or why it cannot be. */
export type Marked = { readonly text: string } | { readonly fault: string };

/**
 * Puts `content` between the markers of a README. A text without markers gets them at its end, below a heading
 * "Options".
 */
export function replaceOptions(text: string, content: string): Marked {
  const section = `${start}\n\n${content}\n\n${end}`;
  const starts = text.split(start).length - 1;
  const ends = text.split(end).length - 1;
  if (starts === 0 && ends === 0) {
    const before = text.trimEnd();
    return { text: `${before === "" ? "" : `${before}\n\n`}## Options\n\n${section}\n` };
  }
  if (starts !== 1 || ends !== 1) return { fault: `it must have ${start} and ${end} once each` };
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (to < from) return { fault: `${end} stands before ${start}` };
  return { text: `${text.slice(0, from)}${section}${text.slice(to + end.length)}` };
}

/** What the catalogue says about one code. The texts are shown in ERRORS.md, not in the terminal. */
export interface CatalogueEntry {
  /** A few words: the heading in ERRORS.md. */
  readonly title: string;
  /** What happened, and what Pointsman does about it. */
  readonly meaning: string;
  /** What a human does to make it go away. */
  readonly mend: string;
  /** `warning` never stops a start. */
  readonly severity: "error" | "warning";
  /**
   * Exit code of a process that ends because of it: 2 wrong command line, 69 something needed is not available,
   * 70 a fault of Pointsman or of a plugin, 78 wrong configuration (the names of sysexits.h); 0 for warnings.
   */
  readonly exitCode: 0 | 2 | 69 | 70 | 78;
}

type Texts = Pick<CatalogueEntry, "title" | "meaning" | "mend">;

const entry =
  (severity: CatalogueEntry["severity"], exitCode: CatalogueEntry["exitCode"]) =>
  (title: string, meaning: string, mend: string): Texts & CatalogueEntry =>
    Object.freeze({ title, meaning, mend, severity, exitCode });

/** The configuration, or an installed plugin, is wrong. */
export const configuration = entry("error", 78);
/** The command line is wrong. */
export const usage = entry("error", 2);
/** Something outside the process is missing or occupied. */
export const unavailable = entry("error", 69);
/** The fault is in code: ours or a plugin's. */
export const internal = entry("error", 70);
/** Worth a look; nothing stops. */
export const warning = entry("warning", 0);

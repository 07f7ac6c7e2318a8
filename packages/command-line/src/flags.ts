/** What a flag is. `help` is one line without a full stop; `group` is a heading in the help. */
interface FlagBase {
  readonly help: string;
  readonly group?: string;
  /** One letter: `-v`. */
  readonly short?: string;
  /** In the help instead of the kind: `FILE`. */
  readonly placeholder?: string;
}

export type FlagSpec =
  | (FlagBase & { readonly kind: "string"; readonly default?: string })
  | (FlagBase & { readonly kind: "list" })
  | (FlagBase & { readonly kind: "choice"; readonly values: readonly string[]; readonly default: string })
  | (FlagBase & { readonly kind: "boolean"; readonly default: boolean })
  | (FlagBase & { readonly kind: "integer"; readonly default: number; readonly min: number; readonly max: number })
  | (FlagBase & { readonly kind: "optional-integer"; readonly min: number; readonly max: number })
  /** `50ms`, `1m30s`; the value is in milliseconds. */
  | (FlagBase & { readonly kind: "duration"; readonly default: number; readonly min?: number; readonly max?: number })
  /** `64MiB`, `20M`, `1048576`; the value is in bytes. */
  | (FlagBase & { readonly kind: "bytes"; readonly default: number })
  /** Accepted with a warning, without effect: another picker has it. */
  | (FlagBase & { readonly kind: "ignored"; readonly bare?: boolean });

export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type ValueOf<Spec extends FlagSpec> = Spec extends { kind: "string"; default: string }
  ? string
  : Spec extends { kind: "string" }
    ? string | undefined
    : Spec extends { kind: "choice"; values: readonly (infer Value)[] }
      ? Value
      : Spec extends { kind: "list" }
        ? readonly string[]
        : Spec extends { kind: "boolean" }
          ? boolean
          : Spec extends { kind: "optional-integer" }
            ? number | undefined
            : Spec extends { kind: "ignored" }
              ? undefined
              : number;

/** Values of all flags by name, defaults filled in. */
export type FlagValues<Specs extends FlagSpecs> = { readonly [Name in keyof Specs]: ValueOf<Specs[Name]> };

/** Declares the flags of a command; only gives the literal types that {@link FlagValues} needs. */
export function defineFlags<const Specs extends FlagSpecs>(specs: Specs): Specs {
  return specs;
}

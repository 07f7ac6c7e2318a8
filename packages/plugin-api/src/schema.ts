/**
 * The part of the Standard Schema specification (https://standardschema.dev, version 1) that the host uses.
 * Zod, Valibot, ArkType and others implement it; this copy keeps the contract free of dependencies.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A plain JSON Schema (draft 2020-12) object; `Config` is only known to the type checker. */
export interface JsonSchema<Config = Readonly<Record<string, unknown>>> {
  readonly [keyword: string]: unknown;
  readonly "~config"?: Config;
}

/** What `config` of a plugin may be. The validator must answer synchronously. */
// biome-ignore lint/suspicious/noExplicitAny: a schema of any input and output; the two are inferred by ConfigOf
export type ConfigSchema = StandardSchema<any, any> | JsonSchema<any>;

/** The type of `config` in `setup`, inferred from the schema. Without a schema the config is an empty object. */
export type ConfigOf<Schema> = Schema extends { readonly "~standard": { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : never
  : Schema extends JsonSchema<infer Config>
    ? Config
    : Readonly<Record<string, never>>;

/**
 * Marks a JSON Schema object with the TypeScript type of the values it admits. The function returns its argument:
 * the type is the author's word, the host validates with the schema.
 */
export function jsonSchema<Config>(schema: { readonly [keyword: string]: unknown }): JsonSchema<Config> {
  return schema as JsonSchema<Config>;
}

import { mapSchema, type SchemaObject } from "../docs/json-schema.ts";

/** A schema that may stand below `$defs`, or why it may not. */
export type Embedded = { readonly schema: SchemaObject } | { readonly fault: string };

/**
 * Rewrites a whole schema document so that it can stand in another one at `#/$defs/<name>`: references into itself
 * then lead there. Editors do not agree on schemas with an `$id` in the middle of a document, so there is none.
 *
 * @param pointer where it will stand, `#/$defs/<name>` with the name escaped as in a JSON pointer.
 */
export function embedSchema(document: SchemaObject, pointer: string): Embedded {
  const { $schema: _dialect, $id: id, ...root } = document;
  const base = typeof id === "string" ? id.replace(/#$/, "") : undefined;
  let fault: string | undefined;
  const rewrite = (reference: string): string => {
    const local = base !== undefined && reference.startsWith(`${base}#`) ? reference.slice(base.length) : reference;
    if (local === "#" || (base !== undefined && local === base)) return pointer;
    if (local.startsWith("#/")) return `${pointer}${local.slice(1)}`;
    fault ??= `it refers to ${reference}`;
    return reference;
  };
  const schema = mapSchema(root, (node) => {
    for (const keyword of ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef"]) {
      if (node[keyword] !== undefined) fault ??= `it uses ${keyword}`;
    }
    return typeof node["$ref"] === "string" ? { ...node, $ref: rewrite(node["$ref"]) } : node;
  });
  return fault === undefined ? { schema: schema as SchemaObject } : { fault };
}

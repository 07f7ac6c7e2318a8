/** The byte range `[start, end)` of one JSON value; a string's range includes its quotes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The members of a document somebody wants to know the place of. Made once by {@link defineFields}, shared by all requests. */
export interface FieldSet<Name extends string = string> {
  /** Slot of every wanted path, and of every object on the way to one. */
  readonly slots: ReadonlyMap<Name, number>;
  readonly slotCount: number;
  readonly root: FieldNode;
}

/** One wanted member or an object that holds one. */
export interface FieldNode {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly slot: number;
  /** Members wanted inside, by the byte length of their name. */
  readonly byLength: ReadonlyArray<readonly FieldNode[] | undefined>;
  readonly children: readonly FieldNode[];
}

/**
 * Declares wanted members by path: `"model"`, `"stream_options.include_usage"`. A dot descends into an object;
 * elements of arrays cannot be wanted.
 */
export function defineFields<const Name extends string>(...paths: readonly Name[]): FieldSet<Name> {
  return defineFieldPaths(paths.map((path) => ({ key: path, segments: path.split(".") })));
}

/** The same for one top-level member whose name may hold a dot. */
export function defineTopLevelField<const Name extends string>(name: Name): FieldSet<Name> {
  return defineFieldPaths([{ key: name, segments: [name] }]);
}

interface MutableNode extends FieldNode {
  readonly byLength: (FieldNode[] | undefined)[];
  readonly children: MutableNode[];
}

function defineFieldPaths<Name extends string>(
  paths: readonly { readonly key: Name; readonly segments: readonly string[] }[],
): FieldSet<Name> {
  let slotCount = 0;
  const newNode = (name: string): MutableNode => ({
    name,
    nameBytes: Buffer.from(name),
    slot: slotCount++,
    byLength: [],
    children: [],
  });
  const root = newNode("");
  const slots = new Map<Name, number>();
  for (const { key, segments } of paths) {
    let node = root;
    for (const segment of segments) {
      let child = node.children.find((candidate) => candidate.name === segment);
      if (child === undefined) {
        child = newNode(segment);
        node.children.push(child);
        (node.byLength[child.nameBytes.length] ??= []).push(child);
      }
      node = child;
    }
    slots.set(key, node.slot);
  }
  return { slots, slotCount, root };
}

/** Where the wanted members of one document are. */
export class LocatedFields<Name extends string = string> {
  readonly #fields: FieldSet<Name>;
  readonly #spans: Int32Array;

  /** `spans` holds start and end per slot, start -1 for what is absent; slot 0 is the document's own value. */
  constructor(fields: FieldSet<Name>, spans: Int32Array) {
    this.#fields = fields;
    this.#spans = spans;
  }

  /** The whole value, without the white space around it. */
  get root(): Span {
    return { start: this.#spans[0]!, end: this.#spans[1]! };
  }

  /** The value `JSON.parse` would give for this path (of duplicate names the last), or undefined when there is none. */
  span(name: Name): Span | undefined {
    const slot = this.#fields.slots.get(name);
    if (slot === undefined) return undefined;
    const start = this.#spans[2 * slot]!;
    return start < 0 ? undefined : { start, end: this.#spans[2 * slot + 1]! };
  }
}

import { createJsonNameMatcher } from "./name-matcher.ts";
import type { JsonKind } from "./values.ts";

/** The byte range `[start, end)` of one JSON value; a string's range includes its quotes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The members of a document somebody wants to know the place of. Made once by {@link defineFields}, shared by all requests. */
export interface FieldSet<Name extends string = string> {
  readonly names: readonly Name[];
  readonly slots: ReadonlyMap<string, number>;
  /** Wanted members, the objects on the way to them, and the document itself (slot 0). */
  readonly slotCount: number;
  readonly root: FieldNode;
}

/** One wanted member or an object that holds one. */
export interface FieldNode {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** Recognises the name in a spelling with escapes: see {@link createJsonNameMatcher}. */
  readonly matchSpelling: (bytes: Uint8Array, at: number) => number;
  readonly slot: number;
  /** Members wanted inside, by the byte length of their name. */
  readonly byLength: ReadonlyArray<readonly FieldNode[] | undefined>;
  readonly children: readonly FieldNode[];
  /** What to check of every element, when the value is an array. */
  readonly elements?: ElementRule;
}

/** Every element of an array is an object, and these of its members, where present, are of one of these kinds. */
export interface ElementRule {
  readonly node: FieldNode;
  readonly members: readonly { readonly node: FieldNode; readonly kinds: readonly JsonKind[] }[];
}

/** The first element that breaks an {@link ElementRule}: which one, and the member at fault unless it is no object. */
export interface ElementMisfit {
  readonly index: number;
  readonly member?: string;
}

/**
 * Declares wanted members by path: `"model"`, `"stream_options.include_usage"`. A dot descends into an object;
 * elements of arrays cannot be wanted.
 */
export function defineFields<const Name extends string>(...paths: readonly Name[]): FieldSet<Name> {
  return compile(paths.map((path) => ({ key: path, segments: path.split(".") })));
}

/** The same for one top-level member whose name may hold a dot. */
export function defineTopLevelField<const Name extends string>(name: Name): FieldSet<Name> {
  return compile([{ key: name, segments: [name] }]);
}

/**
 * As {@link defineFields}, and in the same pass the elements of one top-level array are checked: each must be an object
 * whose members named here are, where present, of one of the kinds given.
 */
export function defineFieldsWithElements<const Name extends string>(
  paths: readonly Name[],
  array: NoInfer<Name>,
  members: Readonly<Record<string, readonly JsonKind[]>>,
): FieldSet<Name> {
  return compile(
    paths.map((path) => ({ key: path, segments: path.split(".") })),
    { array, members },
  );
}

interface MutableNode extends FieldNode {
  readonly byLength: (FieldNode[] | undefined)[];
  readonly children: MutableNode[];
  elements?: ElementRule;
}

function compile<Name extends string>(
  paths: readonly { readonly key: Name; readonly segments: readonly string[] }[],
  checked?: { readonly array: Name; readonly members: Readonly<Record<string, readonly JsonKind[]>> },
): FieldSet<Name> {
  let slotCount = 0;
  const newNode = (name: string): MutableNode => ({
    name,
    nameBytes: Buffer.from(name),
    matchSpelling: createJsonNameMatcher(name),
    slot: slotCount++,
    byLength: [],
    children: [],
  });
  const childOf = (node: MutableNode, name: string): MutableNode => {
    let child = node.children.find((candidate) => candidate.name === name);
    if (child === undefined) {
      child = newNode(name);
      node.children.push(child);
      (node.byLength[child.nameBytes.length] ??= []).push(child);
    }
    return child;
  };
  const root = newNode("");
  const slots = new Map<string, number>();
  for (const { key, segments } of paths) slots.set(key, segments.reduce(childOf, root).slot);
  if (checked !== undefined) {
    const node = newNode("");
    const members = Object.entries(checked.members).map(([name, kinds]) => ({ node: childOf(node, name), kinds }));
    childOf(root, checked.array).elements = { node, members };
  }
  return { names: paths.map(({ key }) => key), slots, slotCount, root };
}

/** Where the wanted members of one document are. */
export class LocatedFields<Name extends string = string> {
  readonly #slots: ReadonlyMap<string, number>;
  readonly #spans: Int32Array;

  /** The first misfit among the elements that the field set asks to check. */
  readonly misfit: ElementMisfit | undefined;

  /** `spans` holds start and end per slot, start -1 for what is absent; slot 0 is the document's own value. */
  constructor(fields: FieldSet<Name>, spans: Int32Array, misfit: ElementMisfit | undefined) {
    this.#slots = fields.slots;
    this.#spans = spans;
    this.misfit = misfit;
  }

  /** The whole value, without the white space around it. */
  get root(): Span {
    return { start: this.#spans[0]!, end: this.#spans[1]! };
  }

  /** The value `JSON.parse` would give for this path (of duplicate names the last), or undefined when there is none. */
  span(name: Name): Span | undefined {
    const slot = this.#slots.get(name);
    if (slot === undefined) return undefined;
    const start = this.#spans[2 * slot]!;
    return start < 0 ? undefined : { start, end: this.#spans[2 * slot + 1]! };
  }
}

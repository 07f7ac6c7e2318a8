import type { Attribute } from "@pointsman/plugin-api";

/**
 * Which column belongs to which attribute. Slots are bound once, when the graph of plugins has been checked; on the
 * request path a look-up is one map access by an interned string.
 */
export class AttributeSlots {
  readonly #slots = new Map<string, number>();
  readonly #attributes: Attribute[] = [];

  /** Gives the attribute of one writer a slot. The plain key means this writer unless an earlier one has it. */
  bind(attribute: Attribute, writer: string): number {
    const own = `${attribute.key}#${writer}`;
    const known = this.#slots.get(own);
    if (known !== undefined) return known;
    const slot = this.#attributes.push(attribute) - 1;
    this.#slots.set(own, slot);
    if (!this.#slots.has(attribute.key)) this.#slots.set(attribute.key, slot);
    return slot;
  }

  /**
   * Says who writes now, in order: the plain key of an attribute means its first writer, and nobody when it is not
   * listed. Values stay, so that a writer that comes back is known.
   */
  useWriters(writers: readonly { readonly key: string; readonly writer: string }[]): void {
    for (const { key } of this.#attributes) this.#slots.delete(key);
    for (const { key, writer } of writers) {
      const slot = this.#slots.get(`${key}#${writer}`);
      if (slot !== undefined && !this.#slots.has(key)) this.#slots.set(key, slot);
    }
  }

  /** Slot by `key` or `key#instance`; undefined when nobody writes it. */
  slotOf(source: string): number | undefined {
    return this.#slots.get(source);
  }

  get attributes(): readonly Attribute[] {
    return this.#attributes;
  }
}

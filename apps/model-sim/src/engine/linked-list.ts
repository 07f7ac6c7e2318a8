/** One place in a {@link LinkedList}; whoever pushed the value keeps it in order to remove the value again. */
export interface ListNode<T> {
  readonly value: T;
  previous: ListNode<T> | undefined;
  next: ListNode<T> | undefined;
  linked: boolean;
}

/** A queue from whose middle a value can leave in constant time. */
export interface LinkedList<T> {
  readonly size: number;
  readonly first: ListNode<T> | undefined;
  /** Appends at the end. */
  push(value: T): ListNode<T>;
  /** Takes the node out; does nothing when it has left already. */
  remove(node: ListNode<T>): void;
}

export function createLinkedList<T>(): LinkedList<T> {
  let first: ListNode<T> | undefined;
  let last: ListNode<T> | undefined;
  let size = 0;
  return {
    get size() {
      return size;
    },
    get first() {
      return first;
    },
    push(value) {
      const node: ListNode<T> = { value, previous: last, next: undefined, linked: true };
      if (last === undefined) first = node;
      else last.next = node;
      last = node;
      size++;
      return node;
    },
    remove(node) {
      if (!node.linked) return;
      if (node.previous === undefined) first = node.next;
      else node.previous.next = node.next;
      if (node.next === undefined) last = node.previous;
      else node.next.previous = node.previous;
      node.linked = false;
      size--;
      // `next` stays: whoever walks the list and removes the current node can still go on.
    },
  };
}

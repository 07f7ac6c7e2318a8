/**
 * Name of the instance whose capability is running. `request.random()` is seeded by it; a plain variable costs nothing
 * on the request path, and plugins run one at a time.
 */
let current = "";

export function enterInstance(name: string): void {
  current = name;
}

export function currentInstance(): string {
  return current;
}

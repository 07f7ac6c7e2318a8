/** Module hooks (run by Node in a thread of their own): the host's plugin API for plugins that have none. */
interface ResolveContext {
  readonly parentURL?: string;
}
interface ResolveResult {
  readonly url: string;
  readonly shortCircuit?: boolean;
}

let lent: Readonly<Record<string, string>> = {};

export function initialize(data: Readonly<Record<string, string>>): void {
  lent = data;
}

export async function resolve(
  specifier: string,
  context: ResolveContext,
  nextResolve: (specifier: string, context: ResolveContext) => Promise<ResolveResult>,
): Promise<ResolveResult> {
  const url = lent[specifier];
  if (url === undefined) return nextResolve(specifier, context);
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    // A plugin whose own copy is there but broken must not get another one in silence.
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    if (code !== "ERR_MODULE_NOT_FOUND" || !String(message).startsWith("Cannot find package")) throw error;
    return { url, shortCircuit: true };
  }
}

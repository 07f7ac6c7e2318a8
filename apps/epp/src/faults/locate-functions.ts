import { Session } from "node:inspector/promises";

/**
 * Where functions come from, by what the debugger knows of them: the URL of the script, or undefined for what is no
 * function, is built in, or cannot be looked at. Costs milliseconds.
 * @param expressions lead to the functions from the global scope.
 */
export async function locateFunctions(expressions: readonly string[]): Promise<(string | undefined)[]> {
  const session = new Session();
  const urls = new Map<string, string>();
  try {
    session.connect();
    session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
    await session.post("Debugger.enable");
    const found: (string | undefined)[] = [];
    for (const expression of expressions) found.push(urls.get((await scriptOf(session, expression)) ?? ""));
    return found;
  } catch {
    // Without a debugger (a build without it, a policy) nothing can be told.
    return expressions.map(() => undefined);
  } finally {
    session.disconnect();
  }
}

async function scriptOf(session: Session, expression: string): Promise<string | undefined> {
  const { result } = await session.post("Runtime.evaluate", { expression, silent: true });
  if (result.type !== "function" || result.objectId === undefined) return undefined;
  const { internalProperties } = await session.post("Runtime.getProperties", {
    objectId: result.objectId,
    ownProperties: true,
  });
  const location = internalProperties?.find(({ name }) => name === "[[FunctionLocation]]")?.value?.value;
  return (location as { readonly scriptId?: string } | undefined)?.scriptId;
}

/**
 * Lets only registries on this machine pass. Everything that is published here is published with a version that
 * belongs to somebody; a client that talks to the wrong registry must be stopped before it says anything.
 *
 * @throws Error for any other address
 */
export function assertLoopback(url: unknown, whose: string): void {
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  const isLocal = parsed !== undefined && ["127.0.0.1", "[::1]"].includes(parsed.hostname);
  if (!isLocal || parsed.protocol !== "http:" || parsed.port === "") {
    throw new Error(`refused: ${whose} is ${String(url)}, which is not a registry on loopback`);
  }
}

/**
 * Looks through an npm client's configuration, as it tells it, for every registry it could talk to.
 *
 * @param config what `npm config list --json` printed
 * @throws Error for the first that is not on loopback, and when there is none
 */
export function assertLoopbackConfig(config: Readonly<Record<string, unknown>>): void {
  const registries = Object.entries(config).filter(([key]) => /(^|:)registry$/.test(key));
  if (!registries.some(([key]) => key === "registry")) throw new Error("refused: the client tells no registry");
  for (const [key, value] of registries) assertLoopback(value, `the client's "${key}"`);
}

/** @throws Error when a package says by itself where it wants to be published, and that is not on loopback. */
export function assertPublishable(manifest: Readonly<Record<string, unknown>>): void {
  const { publishConfig = {}, name } = manifest as { publishConfig?: Record<string, unknown>; name?: unknown };
  for (const [key, value] of Object.entries(publishConfig)) {
    if (/(^|:)registry$/.test(key)) assertLoopback(value, `"publishConfig.${key}" of ${String(name)}`);
  }
}

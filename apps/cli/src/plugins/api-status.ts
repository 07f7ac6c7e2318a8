import type { Diagnostic } from "@pointsman/diagnostics";
import { createRootContainer, type Location, loadPluginSet, type PluginPackage, TypeCatalogue } from "@pointsman/plugin-host";

/**
 * Why the host would not load a package, from its manifest and `package.json` alone; undefined when it would. None of
 * its code runs. The host itself is asked, up to the point at which it would import, so that its answer is the one
 * that is given at start.
 */
export async function checkLoadable(plugin: PluginPackage): Promise<Diagnostic | undefined> {
  const type = Object.keys(plugin.manifest.types)[0] ?? "";
  const { diagnostics } = await loadPluginSet({
    entries: [{ name: plugin.name, type }],
    catalogue: new WithoutCode(plugin),
    pathOf: () => undefined,
    allowExperimental: true,
    pool: "none",
    root: createRootContainer(),
    services: () => ({}),
    guard: { now: Date.now },
  });
  const reason = diagnostics.find(({ severity }) => severity === "error");
  const onlyLacksCode = reason?.code === "POINTSMAN_PLUGIN_EXPORTS_NO_DEFAULT" && plugin.entry !== undefined;
  return onlyLacksCode ? undefined : reason;
}

/** Hands out one package without the module it would import, at which the host stops. */
class WithoutCode extends TypeCatalogue {
  readonly #plugin: PluginPackage;

  constructor(plugin: PluginPackage) {
    super({ bases: [], configDir: plugin.dir });
    this.#plugin = { ...plugin, entry: undefined };
  }

  override async locate({ type }: Parameters<TypeCatalogue["locate"]>[0]): Promise<Location> {
    const manifest = this.#plugin.manifest.types[type] ?? { capabilities: [] };
    return { located: { type, manifest, package: this.#plugin, derived: false } };
  }
}

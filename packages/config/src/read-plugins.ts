import type { ConfigPath } from "@pointsman/diagnostics";
import type { PluginEntry, PluginReference, ProfileEntry, SchedulingProfile } from "./model.ts";
import { type Reader, shortened } from "./reader.ts";

/** Stands in a list for a reference that could not be read; it refers to nothing, and nothing more is said of it. */
export const brokenReference: PluginReference = Object.freeze({ pluginRef: "" });

const pluginFields = ["name", "type", "parameters", "package", "version", "isolation", "onError"];

/** Reads `plugins`. An entry without a type stays, with type "", so that references to its name are not reported too. */
export function readPlugins(value: unknown, reader: Reader): readonly PluginEntry[] {
  const names = createNames(reader, "plugin");
  return reader.list<PluginEntry>(value, ["plugins"], { name: "", type: "" }, (item, path) => {
    const fields = reader.mapping(item, path, pluginFields);
    if (fields === undefined) return undefined;
    const type = reader.requiredText(fields["type"], [...path, "type"]) ?? "";
    const name = reader.text(fields["name"], [...path, "name"]) ?? type;
    const parameters = reader.json(fields["parameters"], [...path, "parameters"]);
    const packageName = reader.text(fields["package"], [...path, "package"]);
    const version = reader.text(fields["version"], [...path, "version"]);
    const isolation = reader.oneOf(fields["isolation"], [...path, "isolation"], ["none", "worker"]);
    const onError = reader.oneOf(fields["onError"], [...path, "onError"], ["reject", "pass", "admit", "refuse"]);
    if (name !== "") names.take(name, fields["name"] ? [...path, "name"] : [...path, "type"]);
    return {
      name,
      type,
      ...(parameters === undefined ? {} : { parameters }),
      ...(packageName === undefined ? {} : { package: packageName }),
      ...(version === undefined ? {} : { version }),
      ...(isolation === undefined ? {} : { isolation }),
      ...(onError === undefined ? {} : { onError }),
    };
  });
}

/** Reads `schedulingProfiles`. */
export function readProfiles(value: unknown, reader: Reader): readonly SchedulingProfile[] {
  const names = createNames(reader, "scheduling profile");
  return reader.list<SchedulingProfile>(value, ["schedulingProfiles"], { name: "", plugins: [] }, (item, path) => {
    const fields = reader.mapping(item, path, ["name", "plugins"]);
    if (fields === undefined) return undefined;
    const name = reader.requiredText(fields["name"], [...path, "name"]) ?? "";
    if (name !== "") names.take(name, [...path, "name"]);
    return {
      name,
      plugins: reader.list(fields["plugins"], [...path, "plugins"], brokenReference, readProfileEntry(reader)),
    };
  });
}

function readProfileEntry(reader: Reader) {
  return (item: unknown, path: ConfigPath): ProfileEntry | undefined => {
    const fields = reader.mapping(item, path, ["pluginRef", "weight"]);
    if (fields === undefined) return undefined;
    const pluginRef = reader.requiredText(fields["pluginRef"], [...path, "pluginRef"]);
    const weight = reader.number(fields["weight"], [...path, "weight"]);
    const reference = { pluginRef: pluginRef ?? "" };
    if (weight !== undefined && weight < 0) {
      reader.report("POINTSMAN_CONFIG_INVALID", [...path, "weight"], `A weight must be 0 or more, not ${weight}.`, {
        hint: "To prefer low values of something, use a scorer that scores low values high.",
      });
      return reference;
    }
    return { ...reference, ...(weight === undefined ? {} : { weight }) };
  };
}

/** Reads `{ pluginRef }`; undefined when absent or wrong. */
export function readReference(value: unknown, path: ConfigPath, reader: Reader): PluginReference | undefined {
  const fields = reader.mapping(value, path, ["pluginRef"]);
  if (fields === undefined) return undefined;
  const pluginRef = reader.requiredText(fields["pluginRef"], [...path, "pluginRef"]);
  return pluginRef === undefined ? undefined : { pluginRef };
}

function createNames(reader: Reader, what: string) {
  const taken = new Map<string, ConfigPath>();
  return {
    take(name: string, path: ConfigPath): void {
      const first = taken.get(name);
      if (first === undefined) {
        taken.set(name, path);
        return;
      }
      reader.report("POINTSMAN_CONFIG_DUPLICATE_NAME", path, `Two ${what}s are called ${shortened(name)}.`, {
        notes: [{ label: "first", text: reader.placeText(first) }],
        ...(path.at(-1) === "type" ? { hint: "Give one of them a name of its own with `name`." } : {}),
      });
    },
  };
}

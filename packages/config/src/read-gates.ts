import { suggest } from "@pointsman/diagnostics";
import { type Reader, shortened } from "./reader.ts";

/** llm-d's gates and their defaults. */
const knownGates: Readonly<Record<string, boolean>> = { flowControl: false, haPopulateNonLeaderDatastore: true };

/** The gates as written, and which of the known ones are on. */
export interface Gates {
  readonly written: readonly string[];
  readonly flowControl: boolean;
}

const yes = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const no = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Reads `featureGates`: `name`, or `name=` and a boolean as Go reads them. */
export function readGates(value: unknown, reader: Reader): Gates {
  const states = new Map<string, boolean>();
  const written = reader.list(value, ["featureGates"], "", (item, path) => {
    const text = reader.requiredText(item, path);
    if (text === undefined) return undefined;
    const [name = "", ...rest] = text.split("=");
    const state = rest.join("=");
    if (!Object.hasOwn(knownGates, name)) {
      const near = suggest(name, Object.keys(knownGates));
      reader.report("POINTSMAN_CONFIG_UNKNOWN_GATE", path, `There is no feature gate ${shortened(name)}.`, {
        notes:
          near.length > 0
            ? [{ label: "did you mean", text: near.join(", ") }]
            : [{ label: "gates", text: Object.keys(knownGates).join(", ") }],
      });
      return undefined;
    }
    const on = rest.length === 0 || yes.has(state);
    if (!on && !no.has(state)) {
      const message = `The feature gate ${name} must be true or false, not ${shortened(state)}.`;
      reader.report("POINTSMAN_CONFIG_INVALID", path, message);
      return undefined;
    }
    if (states.has(name) && states.get(name) !== on) {
      reader.report("POINTSMAN_CONFIG_INVALID", path, `The feature gate ${name} is switched both on and off.`);
      return undefined;
    }
    states.set(name, on);
    if (name === "flowControl" && on) {
      reader.report(
        "POINTSMAN_CONFIG_FEATURE_UNAVAILABLE",
        path,
        "The feature gate flowControl is on, but queues are not available yet.",
        { hint: "Remove the gate. Without it, requests of negative priority are refused while the pool is saturated." },
      );
    }
    return text;
  });
  return {
    written: written.filter((gate) => gate !== ""),
    flowControl: states.get("flowControl") ?? knownGates["flowControl"] === true,
  };
}

/** Runs in a process of its own: checks the behaviour of the types of one package. */
import type { TypeManifest } from "@pointsman/plugin-api";
import { loadDefinitions } from "../../host/load-definitions.ts";
import { checkDefinition } from "../check-definition.ts";
import { optionsFor } from "../options.ts";
import { readPackageJson, typesOf } from "../package/package-json.ts";
import { createSubject } from "../subject.ts";
import type { CheckEvent, CheckOrder } from "./messages.ts";

let strays: unknown[] = [];
process.on("uncaughtException", (error) => strays.push(error));
process.on("unhandledRejection", (error) => strays.push(error));

function tell(event: CheckEvent): void {
  process.send?.(event);
}

async function check({ dir, options, done }: CheckOrder): Promise<void> {
  const loaded = await loadDefinitions(dir);
  if ("problem" in loaded) throw new Error(loaded.problem);
  const manifests = typesOf(readPackageJson(dir)) as Readonly<Record<string, TypeManifest>>;
  for (const definition of loaded.definitions) {
    const { type } = definition.spec;
    const subject = createSubject(definition, dir, manifests[type], optionsFor(type, options));
    const doneHere = done.filter((entry) => entry.startsWith(`${type} `)).map((entry) => entry.slice(type.length + 1));
    await checkDefinition(
      subject,
      {
        begin: (id) => tell({ kind: "begin", type, id }),
        result: (result) => tell({ kind: "result", result }),
        measured: (measurement) => tell({ kind: "measured", measurement }),
      },
      new Set(doneHere),
      () => {
        const [first] = strays;
        strays = [];
        return first;
      },
    );
  }
  tell({ kind: "done" });
}

process.once("message", (order: CheckOrder) => {
  void check(order).then(
    () => process.disconnect(),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`, () => process.exit(70));
    },
  );
});

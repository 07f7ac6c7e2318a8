/** The first module of a worker thread: describes the type of an isolated instance, or lives as the instance. */
import { parentPort, workerData } from "node:worker_threads";
import type { DiagnosticDetails } from "@pointsman/diagnostics";
import { prepareLocated } from "../lifecycle/prepare-instance.ts";
import { type FromWorker, plainDiagnostic, type WorkerTask } from "./protocol.ts";
import { runInstance } from "./worker/run-instance.ts";

const task = workerData as WorkerTask;
const port = parentPort;
if (port === null) throw new Error("this module is the start of a worker thread");
const post = (message: FromWorker): void => port.postMessage(message);

const { entry, located } = task;
const details: DiagnosticDetails = { origin: entry.name, ...(task.path === undefined ? {} : { path: task.path }) };
const { prepared, diagnostics } = await prepareLocated(entry, located, details, []);
if (prepared === undefined) {
  post({ kind: "refused", diagnostics: diagnostics.map(plainDiagnostic) });
} else if (task.mode === "run") {
  runInstance(prepared, task, port, details);
} else {
  const { needs, required, optional, writes, spec } = prepared;
  const ids = Object.fromEntries(Object.entries(needs).map(([name, { id }]) => [name, id]));
  post({ kind: "described", description: { needs: ids, required, optional, writes, response: spec.response } });
}

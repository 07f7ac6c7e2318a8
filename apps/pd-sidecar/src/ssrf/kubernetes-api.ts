import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";

/** Where the API server is, and who asks. */
export interface KubernetesApi {
  readonly host: string;
  readonly port: number;
  readonly ca: string | Buffer;
  /** Read for every request: the kubelet renews it. */
  token(): string;
}

/** The API server as a pod finds it; undefined outside of a cluster. */
export function inClusterApi(
  env: Readonly<Record<string, string | undefined>>,
  folder = "/var/run/secrets/kubernetes.io/serviceaccount",
): KubernetesApi | undefined {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = Number(env["KUBERNETES_SERVICE_PORT"]);
  if (host === undefined || host === "" || !(port > 0)) return undefined;
  try {
    const ca = readFileSync(join(folder, "ca.crt"));
    return { host, port, ca, token: () => readFileSync(join(folder, "token"), "utf8").trim() };
  } catch {
    return undefined;
  }
}

/** A request without an answer of 200. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
}

/** GETs a path. Resolves with the head of a 200 answer; the caller reads the body. */
export function get(api: KubernetesApi, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { host, port, ca } = api;
    const headers = { accept: "application/json", authorization: `Bearer ${api.token()}` };
    const outgoing = httpsRequest({ host, port, path, ca, headers, signal, agent: false });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      response.on("error", () => {});
      if (response.statusCode === 200) return resolve(response);
      response.destroy();
      reject(new ApiFailure(`${path.split("?")[0]} answered with status ${response.statusCode}`));
    });
    outgoing.end();
  });
}

const LARGEST = 64 * 1_048_576;

/** The whole body of an answer, parsed. */
export async function readJson(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST) throw new ApiFailure(`an answer is larger than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

/** The documents of a watch: one line each. */
export async function* readLines(message: IncomingMessage): AsyncGenerator<unknown> {
  let held = "";
  message.setEncoding("utf8");
  for await (const chunk of message as unknown as AsyncIterable<string>) {
    held += chunk;
    if (held.length > LARGEST) throw new ApiFailure(`a line is longer than ${LARGEST} characters`);
    const lines = held.split("\n");
    held = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line);
  }
}

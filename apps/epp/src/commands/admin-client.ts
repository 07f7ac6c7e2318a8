import { get } from "node:http";

/** Asks the admin port of a running picker. @throws Error with a sentence when it does not answer. */
export function fetchAdmin(port: number, path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path, timeout: 5_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        try {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) });
        } catch {
          reject(new Error(`what answers on port ${port} is no admin port of Pointsman`));
        }
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
    request.on("error", (error) =>
      reject(new Error(`the admin port 127.0.0.1:${port} does not answer: ${error.message}`)),
    );
  });
}

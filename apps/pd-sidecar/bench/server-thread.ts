import { once } from "node:events";
import { Agent, createServer, request as httpRequest } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { startSidecar } from "@pointsman/pd-sidecar";

/** A thread with one server in it: a model server that answers at once, a sidecar before one, or the least proxy. */
const { role, modelServerPort } = workerData as {
  role: "model-server" | "sidecar" | "bare-proxy";
  modelServerPort: number;
};

const CHUNK = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content: " token" }, finish_reason: null }] })}\n\n`;

if (role === "sidecar") {
  const sidecar = await startSidecar({
    ...{ port: 0, "model-server-port": modelServerPort, "secure-proxy": false, "log-level": "silent" },
  });
  parentPort!.postMessage({ port: sidecar.port });
} else if (role === "bare-proxy") {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    const { method, url: path, rawHeaders: headers } = request;
    const upstream = { agent, host: "127.0.0.1", port: modelServerPort, method, path, headers };
    const outgoing = httpRequest(upstream, (answer) => {
      response.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    request.pipe(outgoing);
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  parentPort!.postMessage({ port: (server.address() as { port: number }).port });
} else {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const isPrefill = text.includes("do_remote_decode");
      if (isPrefill) {
        response.end('{"kv_transfer_params":{"remote_block_ids":[1]},"usage":{"prompt_tokens":9}}');
        return;
      }
      const chunks = Number(request.headers["x-chunks"] ?? 0);
      if (chunks === 0) {
        response
          .writeHead(200, { "content-type": "application/json" })
          .end('{"id":"x","choices":[],"usage":{"prompt_tokens":9}}');
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      let sent = 0;
      // One write per token, as a model server does it, as fast as the reader takes them.
      const write = (): void => {
        while (sent < chunks) {
          sent += 1;
          if (sent % 16 === 0) {
            if (!response.write(CHUNK)) {
              response.once("drain", write);
              return;
            }
            setImmediate(write);
            return;
          }
          response.write(CHUNK);
        }
        response.end("data: [DONE]\n\n");
      };
      write();
    });
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  parentPort!.postMessage({ port: (server.address() as { port: number }).port });
}

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Something on a loopback port that plays a model server. */
export interface Stand {
  readonly port: number;
  close(): Promise<void>;
}

const metrics = [
  "# TYPE vllm:num_requests_running gauge",
  'vllm:num_requests_running{model_name="m"} 3.0',
  "# TYPE vllm:num_requests_waiting gauge",
  'vllm:num_requests_waiting{model_name="m"} 2.0',
  "# TYPE vllm:kv_cache_usage_perc gauge",
  'vllm:kv_cache_usage_perc{model_name="m"} 0.25',
  "# TYPE vllm:lora_requests_info gauge",
  'vllm:lora_requests_info{max_lora="4",running_lora_adapters="adapter-1",waiting_lora_adapters=""} 1.7e9',
  "",
].join("\n");
const models = JSON.stringify({
  object: "list",
  data: [
    { id: "m", object: "model" },
    { id: "adapter-1", parent: "m" },
  ],
});

/** Answers every path: metrics as a vLLM has them, models as OpenAI's API has them, else `{}`. */
export async function startModelServer(): Promise<Stand> {
  const server = createHttpServer((request, response) => {
    const path = request.url ?? "";
    response.setHeader("connection", "close");
    response.setHeader("content-type", path.includes("metrics") ? "text/plain; version=0.0.4" : "application/json");
    response.end(path.includes("metrics") ? metrics : path.includes("models") ? models : "{}");
  });
  return listen(server);
}

/** Accepts connections and never says a word. */
export async function startSilentServer(): Promise<Stand> {
  return listen(createServer(() => {}));
}

/** What extractors are given when the author has nothing better. */
export function samplePayloads(): readonly string[] {
  return [metrics, models, "{}", "", "\u0000\u00ff not a page \n{", 'a 1\na{b="c"} NaN\n'];
}

async function listen(server: Server): Promise<Stand> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

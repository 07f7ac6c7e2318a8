import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface RenderClientOptions {
  /** Base URL of a vLLM server, or of `vllm launch render`. */
  readonly url: string;
  /** Bytes of an answer that are read at most. Default 64 MiB: eight million ids. */
  readonly maxAnswerBytes?: number;
}

/** Which of vLLM's endpoints renders a body. */
export type RenderEndpoint = "/v1/chat/completions/render" | "/v1/completions/render" | "/tokenize";

export interface RenderClient {
  /**
   * Has vLLM tokenize a body. Of several prompts in it the ids come one behind the other.
   *
   * @param body JSON; not changed
   * @throws {Error} that says what is wrong, without the answer's text, which may quote the prompt; or the signal's reason
   */
  render(endpoint: RenderEndpoint, body: Uint8Array | string, signal: AbortSignal): Promise<Uint32Array>;
  /** Closes idle connections. */
  close(): void;
}

const IDLE_CONNECTIONS = 16;
/** Read of an answer that refuses. */
const REFUSAL_BYTES = 64 * 1024;

/** A client of vLLM's render endpoints over connections that are kept. */
export function createRenderClient({ url, maxAnswerBytes = 64 * 1024 * 1024 }: RenderClientOptions): RenderClient {
  const base = new URL(url);
  const secure = base.protocol === "https:";
  const options = { keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS };
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  const send = secure ? httpsRequest : httpRequest;
  const prefix = base.pathname.replace(/\/+$/, "");

  async function post(endpoint: string, body: Buffer, signal: AbortSignal): Promise<Buffer> {
    return await new Promise((resolve, reject) => {
      const target = new URL(base);
      target.pathname = prefix + endpoint;
      const headers = { "content-type": "application/json", "content-length": body.length };
      const call = send(target, { method: "POST", agent, headers, signal }, (answer) => {
        readAnswer(answer, maxAnswerBytes).then(resolve, (error: unknown) => {
          call.destroy();
          reject(error);
        });
      });
      call.on("error", (error) => reject(signal.aborted ? signal.reason : error));
      call.end(body);
    });
  }

  return {
    async render(endpoint, body, signal) {
      const bytes =
        typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length);
      const answer = await post(endpoint, bytes, signal);
      return readTokenIds(answer);
    },
    close: () => agent.destroy(),
  };
}

async function readAnswer(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const refused = answer.statusCode !== 200;
  const limit = refused ? REFUSAL_BYTES : maxBytes;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit && refused) break;
    if (length > limit) throw new Error(`the renderer's answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (!refused) return body;
  throw new Error(`the renderer answered ${answer.statusCode}${errorType(body)}`);
}

/** The kind of error that vLLM names; its message is left out, because it may quote the prompt. */
function errorType(body: Buffer): string {
  try {
    const value = JSON.parse(body.toString("utf8")) as { error?: { type?: unknown }; type?: unknown } | null;
    const type = value?.error?.type ?? value?.type;
    return typeof type === "string" && /^\w{1,64}$/.test(type) ? ` (${type})` : "";
  } catch {
    return "";
  }
}

/**
 * `{ token_ids }`, a list of these for several prompts, or `{ tokens }` of `/tokenize`.
 *
 * @throws {Error} when it is none of them
 */
function readTokenIds(answer: Buffer): Uint32Array {
  let value: unknown;
  try {
    value = JSON.parse(answer.toString("utf8"));
  } catch {
    throw new Error("the renderer's answer is not JSON");
  }
  const lists = (Array.isArray(value) ? (value as unknown[]) : [value]).map(tokenList);
  const ids = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    for (let i = 0; i < list.length; i += 1) {
      const id = list[i];
      if (typeof id !== "number" || id >>> 0 !== id) {
        throw new Error("the renderer's answer has token ids that are no numbers");
      }
      ids[at] = id;
      at += 1;
    }
  }
  return ids;
}

function tokenList(prompt: unknown): readonly unknown[] {
  const { token_ids: tokenIds, tokens } = (prompt ?? {}) as { token_ids?: unknown; tokens?: unknown };
  const list = tokenIds ?? tokens;
  if (!Array.isArray(list)) throw new Error("the renderer's answer has no token ids");
  return list;
}

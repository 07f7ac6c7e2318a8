/** An answer that has been read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** @throws SyntaxError when the text is no JSON */
  json(): Record<string, unknown>;
}

export type HeaderFields = Readonly<Record<string, string>>;

/** Posts a text, or bytes, or a value as JSON, and reads the answer. */
export async function post(url: string, body: unknown, headers: HeaderFields = {}): Promise<Answer> {
  return read(await open(url, body, headers));
}

/** Posts and returns when the headers of the answer are there. */
export function open(url: string, body: unknown, headers: HeaderFields = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body:
      typeof body === "string" || body instanceof Uint8Array
        ? (body as NonNullable<RequestInit["body"]>)
        : JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Posts in chunks of 64 KiB without a content-length. */
export async function postChunked(url: string, body: string, headers: HeaderFields = {}): Promise<Answer> {
  const bytes = Buffer.from(body);
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.subarray(at, (at += 65_536)));
    },
  });
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: stream,
    duplex: "half",
  };
  return read(await fetch(url, init as RequestInit));
}

export async function get(url: string, headers: HeaderFields = {}): Promise<Answer> {
  return read(await fetch(url, { headers }));
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, json: () => JSON.parse(text) as Record<string, unknown> };
}

/** The JSON values of a stream of server-sent events, without `[DONE]`. */
export function eventsOf(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: ") && line !== "data: [DONE]")
    .map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>);
}

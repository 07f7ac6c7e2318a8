import type { ExtProcClient } from "@pointsman/ext-proc";

/** What the model server would get. */
export interface Asked {
  readonly model: string | undefined;
}

/**
 * Asks a picker as a proxy does in full duplex, for a completion.
 * @throws Error with the picker's text when it refuses
 */
export async function ask(
  client: ExtProcClient,
  body: { readonly model: string | undefined; readonly prompt: string },
  headers: Readonly<Record<string, string>>,
): Promise<Asked> {
  const stream = client.open();
  const all = { ":method": "POST", ":path": "/v1/completions", "content-type": "application/json", ...headers };
  const encoder = new TextEncoder();
  stream.send({
    kind: "request_headers",
    headers: Object.entries(all),
    endOfStream: false,
  });
  stream.send({ kind: "request_body", body: encoder.encode(JSON.stringify(body)), endOfStream: true });
  stream.halfClose();
  const chunks: Uint8Array[] = [];
  for await (const answer of stream) {
    if (answer.kind === "immediate_response") {
      throw new Error(`${answer.status}: ${new TextDecoder().decode(answer.body)}`);
    }
    if (answer.kind === "request_body" && answer.bodyMutation?.kind === "streamed")
      chunks.push(answer.bodyMutation.body);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

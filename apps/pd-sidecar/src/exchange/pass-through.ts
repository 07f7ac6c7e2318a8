import type { IncomingMessage, ServerResponse } from "node:http";
import { gatherUpload } from "../http/gather-upload.ts";
import { crossing } from "../http/headers.ts";
import { discardUpload, Refusal, sendOwn } from "../http/own-answers.ts";
import { BrokenBody } from "../http/read-body.ts";
import { passAnswer } from "../http/send-answer.ts";
import { Cut } from "../upstream/cut.ts";
import { UpstreamFailure } from "../upstream/upstream-client.ts";
import { askDecoder } from "./local-decode.ts";
import type { Parts, Rank } from "./parts.ts";
import { NOT_FORWARDED } from "./routing-headers.ts";

/** Brings a request that is none of the sidecar's business to the local model server. Never rejects. */
export async function passThrough(parts: Parts, rank: Rank, request: IncomingMessage, response: ServerResponse) {
  const gone = new Cut();
  response.once("close", () => {
    if (!response.writableFinished) gone.make();
  });
  try {
    const answer = await askDecoder(parts, rank.decoder, {
      method: request.method!,
      path: request.url!,
      headers: crossing(request.rawHeaders, NOT_FORWARDED),
      body: await gatherUpload(request),
      cut: gone,
    });
    await passAnswer(response, answer);
  } catch (error) {
    if (gone.made || error instanceof BrokenBody) {
      response.destroy();
      return;
    }
    if (!(error instanceof Refusal) && !(error instanceof UpstreamFailure)) {
      parts.log.error("a request could not be passed on", { error: String(error) });
    }
    sendOwn(
      response,
      error instanceof Refusal ? error : { status: 502, message: "The request could not be passed on." },
    );
    discardUpload(request);
  }
}

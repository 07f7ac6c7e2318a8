import { mix32 } from "../engine/random.ts";
import { bytesPerToken, tokenize } from "./tokens.ts";

export type FinishReason = "stop" | "length";

/**
 * The made-up output of one choice: words of three letters and a blank, so that each is exactly one token and an answer
 * sent back as history meets its own KV blocks. A text that ends by itself ends in a full stop. Nothing is stored:
 * each piece follows from the seed and its position.
 */
export interface GeneratedText {
  readonly choice: number;
  /** Length in tokens. */
  readonly length: number;
  readonly finish: FinishReason;
  /** The text of one token. */
  piece(index: number): string;
  text(): string;
  tokens(): Uint32Array;
}

const words = (
  "all and any art ash bay bee big bow box boy bus cab cap car cat cow cup day dew dog dry ear eel egg elm end " +
  "far few fig fir fly fog fox fun gap gem get hat hay hen hid ice ink ivy jam jar jay joy key lad lap leg log " +
  "map mat met mud new nut oak old"
).split(" ");

export function createGeneratedText(seed: number, choice: number, length: number, finish: FinishReason): GeneratedText {
  const base = mix32(seed + choice);
  const endsByItself = finish === "stop";
  const piece = (index: number): string => {
    const word = words[mix32(base + index) % words.length]!;
    return endsByItself && index === length - 1 ? `${word}.` : `${word} `;
  };
  const text = (): string => {
    let all = "";
    for (let i = 0; i < length; i++) all += piece(i);
    return all;
  };
  return { choice, length, finish, piece, text, tokens: () => tokenize(text()) };
}

/** The token id of a piece of a {@link GeneratedText}. */
export function tokenOfPiece(piece: string): number {
  let token = 0;
  for (let i = bytesPerToken - 1; i >= 0; i--) token = token * 256 + piece.charCodeAt(i);
  return token;
}

/** No answer is longer, whatever the client asks for. */
const longestOutput = 131_072;

export interface OutputWish {
  /** `max_tokens` and its other names. */
  readonly limit: number | undefined;
  readonly minTokens: number | undefined;
  /** Go on to the limit. */
  readonly ignoreEos: boolean;
}

/**
 * How long an answer becomes: `natural` tokens, unless the request wants less, or more with `min_tokens` or
 * `ignore_eos`; never more than `room`.
 */
export function planOutput(wish: OutputWish, natural: number, room: number): { length: number; finish: FinishReason } {
  const cap = Math.min(wish.limit ?? longestOutput, room, longestOutput);
  const wanted = wish.ignoreEos ? (wish.limit ?? natural) : Math.max(natural, wish.minTokens ?? 0);
  const length = Math.min(wanted, cap);
  return { length, finish: wish.ignoreEos || wanted > cap ? "length" : "stop" };
}

import { ChatTemplate } from "./chat/chat-template.ts";
import { type CreateTokenizerOptions, createTokenizer } from "./create-tokenizer.ts";
import type { TokenizerFiles } from "./files/tokenizer-files.ts";
import { loadTokenizerSource, type TokenizerSource } from "./files/tokenizer-source.ts";
import type { PromptInput } from "./requests/prompt-input.ts";
import type { EncodeOptions, Tokenizer } from "./tokenizer.ts";

/** A tokenizer together with the model's chat template, in this thread. */
export class PromptTokenizer {
  readonly tokenizer: Tokenizer;
  readonly #template: ChatTemplate;

  /** @throws {TypeError} when a file is no JSON or no tokenizer.json */
  constructor(files: TokenizerFiles, options: Omit<CreateTokenizerOptions, "config"> = {}) {
    const config = files.config === undefined ? {} : parseJson(files.config, "tokenizer_config.json");
    this.#template = new ChatTemplate({ config, jinja: files.chatTemplate });
    this.tokenizer = createTokenizer(parseJson(files.tokenizer, "tokenizer.json"), { ...options, config });
  }

  /**
   * The ids of a prompt, as vLLM has them: texts with the tokens that belong around them, one text behind the other; a
   * conversation rendered, whose template writes these tokens itself.
   *
   * @throws {ChatTemplateError} when the conversation cannot be rendered
   */
  encode(input: PromptInput, options: Pick<EncodeOptions, "cancelled"> = {}): Uint32Array {
    if (input.kind === "chat") {
      return this.tokenizer.encode(this.#template.render(input.chat), { ...options, addSpecialTokens: false });
    }
    const { addSpecialTokens, texts } = input;
    const lists = texts.map((text) => this.tokenizer.encode(text, { ...options, addSpecialTokens }));
    if (lists.length === 1) return lists[0]!;
    const all = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0));
    let at = 0;
    for (const list of lists) {
      all.set(list, at);
      at += list.length;
    }
    return all;
  }
}

/**
 * Loads a tokenizer into this thread.
 *
 * @throws {Error} that says what is missing or wrong
 */
export async function loadPromptTokenizer(
  source: TokenizerSource,
  options: Omit<CreateTokenizerOptions, "config"> = {},
): Promise<PromptTokenizer> {
  const { warn = () => {} } = options;
  return new PromptTokenizer(await loadTokenizerSource(source, warn), options);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`${name} is not JSON`, { cause });
  }
}

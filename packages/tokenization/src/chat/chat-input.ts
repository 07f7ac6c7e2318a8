/** A part of a content: `text` for text, anything else for media. */
export interface ContentPart {
  readonly type: string;
  readonly text?: unknown;
  readonly [member: string]: unknown;
}

export interface ChatMessage {
  readonly role: string;
  readonly content: string | readonly ContentPart[];
  readonly tool_calls?: unknown;
  readonly [member: string]: unknown;
}

/** A conversation in the shape that chat templates take. */
export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly documents?: readonly unknown[];
  /** Default true. */
  readonly addGenerationPrompt?: boolean;
  /** The last message is open: its end is the end of the prompt. Default false. */
  readonly continueFinalMessage?: boolean;
  /** Further variables of the template (`chat_template_kwargs`). */
  readonly variables?: Readonly<Record<string, unknown>>;
}

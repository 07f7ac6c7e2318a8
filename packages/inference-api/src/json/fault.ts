/** Why a document is not acceptable JSON, in words for a person; `offset` is the byte where it was noticed. */
export interface JsonFault {
  readonly offset: number;
  readonly message: string;
}

export function isJsonFault(value: object): value is JsonFault {
  return "offset" in value && "message" in value;
}

import type { NumberAttribute } from "@pointsman/plugin-api";

/** 0 short, 1 medium, 2 long: a number, so that scorers can read it as a column. The same for all endpoints. */
export declare const PromptLengthClass: NumberAttribute;

import { ApiError } from "./api-error.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws {ApiError} 400 when the bytes are not a JSON object */
export function parseJsonObject(body: Buffer): JsonObject {
  if (body.length === 0) throw new ApiError(400, "The request body is empty; a JSON object is expected.");
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new ApiError(400, `The request body is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!isObject(value)) throw new ApiError(400, "The request body must be a JSON object.");
  return value;
}

export function wrongType(field: string, expected: string): ApiError {
  return new ApiError(400, `\`${field}\` must be ${expected}.`, field);
}

/** A field that is null counts as absent, as in the APIs simulated here. */
function present(body: JsonObject, field: string): unknown {
  return body[field] ?? undefined;
}

export function requireField(body: JsonObject, field: string): unknown {
  const value = present(body, field);
  if (value === undefined) throw new ApiError(400, `\`${field}\` is required.`, field);
  return value;
}

export function requireString(body: JsonObject, field: string): string {
  const value = requireField(body, field);
  if (typeof value !== "string") throw wrongType(field, "a string");
  return value;
}

export function requireList(body: JsonObject, field: string): readonly unknown[] {
  const value = requireField(body, field);
  if (!Array.isArray(value) || value.length === 0) throw wrongType(field, "a list that is not empty");
  return value;
}

export function optionalString(body: JsonObject, field: string): string | undefined {
  const value = present(body, field);
  if (value !== undefined && typeof value !== "string") throw wrongType(field, "a string");
  return value;
}

export function optionalBoolean(body: JsonObject, field: string): boolean {
  const value = present(body, field);
  if (value !== undefined && typeof value !== "boolean") throw wrongType(field, "true or false");
  return value ?? false;
}

export function optionalObject(body: JsonObject, field: string): JsonObject | undefined {
  const value = present(body, field);
  if (value !== undefined && !isObject(value)) throw wrongType(field, "an object");
  return value;
}

export function optionalInteger(body: JsonObject, field: string, min: number, max: number): number | undefined {
  const value = present(body, field);
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw wrongType(
      field,
      max === Number.MAX_SAFE_INTEGER ? `an integer from ${min}` : `an integer from ${min} to ${max}`,
    );
  }
  return value;
}

export function optionalNumber(body: JsonObject, field: string, min: number, max: number): number | undefined {
  const value = present(body, field);
  if (value === undefined) return undefined;
  if (typeof value !== "number" || value < min || value > max) throw wrongType(field, `a number from ${min} to ${max}`);
  return value;
}

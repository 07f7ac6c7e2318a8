import http from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnswerProgress, createAnswerReader } from "../src/answer-reader.ts";

const most = 4_096;

/** Feeds the bytes in pieces that end at the cuts. */
function read(bytes: Buffer, cuts: readonly number[] = [], reader = createAnswerReader(most)) {
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  let progress: AnswerProgress = "more";
  let start = 0;
  for (const end of ends) {
    if (end === start) continue;
    const piece = Buffer.concat([bytes.subarray(start, end), Buffer.from("memory of another read")]);
    progress = reader.push(piece, end - start);
    start = end;
    if (typeof progress === "object") return progress;
  }
  return { progress, body: reader.body.toString("latin1"), keepsAlive: reader.keepsAlive };
}

const head = (...fields: string[]): string => ["HTTP/1.1 200 OK", ...fields, "", ""].join("\r\n");
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** An answer as a server may send it, and its body. */
const answers = fc
  .record({
    chunks: fc.array(
      fc.string({ minLength: 1, maxLength: 90 }).map((text) => Buffer.from(text)),
      { maxLength: 6 },
    ),
    framing: fc.constantFrom("length", "chunked"),
    extra: fc.constantFrom<string[]>([], ["Server: uvicorn"], ["date: Tue", "X-Empty:"], ["Connection: close"]),
    extension: fc.constantFrom("", ";name=value", ";a;b=c"),
    trailers: fc.constantFrom("", "X-Sum: 1\r\n"),
    interim: fc.constantFrom("", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
  })
  .map(({ chunks, framing, extra, extension, trailers, interim }) => {
    const body = Buffer.concat(chunks);
    const parts =
      framing === "length"
        ? [bytes(head(...extra, `Content-Length: ${body.length}`)), body]
        : [
            bytes(head(...extra, "Transfer-Encoding: chunked")),
            ...chunks.flatMap((chunk) => [bytes(`${chunk.length.toString(16)}${extension}\r\n`), chunk, bytes("\r\n")]),
            bytes(`0\r\n${trailers}\r\n`),
          ];
    return {
      answer: Buffer.concat([bytes(interim), ...parts]),
      body,
      keepsAlive: !extra.includes("Connection: close"),
    };
  });

/** What Node's own client makes of the same bytes: the body of a whole 200 answer, or undefined. */
function asNodeReads(answer: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() });
    const request = http.request({ createConnection: () => socket as never }, (response) => {
      const chunks: Buffer[] = [];
      response.on("error", () => resolve(undefined));
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("close", () =>
        resolve(response.complete && response.statusCode === 200 ? Buffer.concat(chunks) : undefined),
      );
    });
    request.on("error", () => resolve(undefined));
    request.end();
    setImmediate(() => {
      socket.push(answer);
      socket.push(null);
    });
  });
}

describe("the reader of answers", () => {
  it("reads any answer, however it is split", () => {
    fc.assert(
      fc.property(answers, fc.array(fc.nat()), ({ answer, body, keepsAlive }, cuts) => {
        expect(read(answer, cuts)).toEqual({ progress: "complete", body: body.toString("latin1"), keepsAlive });
      }),
    );
  });

  it("reads one answer after the other into the same memory", () => {
    const reader = createAnswerReader(most);
    for (const body of ["first and longer", "second", ""]) {
      reader.reset();
      expect(read(bytes(`${head(`content-length: ${body.length}`)}${body}`), [20, 50], reader)).toMatchObject({ body });
    }
  });

  it("reads an answer without length until the connection ends, which then carries no other", () => {
    const reader = createAnswerReader(most);
    expect(read(bytes(`${head()}one `), [7], reader)).toMatchObject({ progress: "more" });
    read(bytes("two"), [], reader);
    expect(reader.end()).toBe("complete");
    expect([reader.body.toString(), reader.keepsAlive]).toEqual(["one two", false]);
  });

  it("does not trust a connection with another question after more bytes than the answer has", () => {
    expect(read(bytes(`${head("content-length: 2")}okHTTP/1.1 200 OK`))).toMatchObject({
      progress: "complete",
      body: "ok",
      keepsAlive: false,
    });
  });

  it.each([
    ["HTTP/1.0 without keep-alive", "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false],
    ["HTTP/1.0 with keep-alive", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n", true],
    ["HTTP/1.1", head("content-length: 0"), true],
    ["HTTP/1.1 with close", head("connection: foo, Close", "content-length: 0"), false],
  ])("knows of %s whether the connection stays open", (_, text, keepsAlive) => {
    expect(read(bytes(text))).toMatchObject({ progress: "complete", keepsAlive });
  });

  it.each([
    ["another protocol", "SSH-2.0-OpenSSH\r\n\r\n", "malformed"],
    ["HTTP/2 in the status line", "HTTP/2 200\r\n\r\n", "malformed"],
    ["a folded header", head("a: b", " c"), "malformed"],
    ["a header without name", head(": b"), "malformed"],
    ["two lengths", head("content-length: 1", "content-length: 2"), "malformed"],
    ["a negative length", head("content-length: -1"), "malformed"],
    ["a length and chunks", head("content-length: 1", "transfer-encoding: chunked"), "malformed"],
    ["another transfer encoding", head("transfer-encoding: gzip, chunked"), "malformed"],
    ["a chunk size that is none", `${head("transfer-encoding: chunked")}xyz\r\n`, "malformed"],
    ["a chunk longer than it said", `${head("transfer-encoding: chunked")}2\r\nabc\r\n`, "malformed"],
    ["a head without end", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(4_000)}`, "malformed"],
    ["trailers without end", `${head("transfer-encoding: chunked")}0\r\n${"a: b\r\n".repeat(8_000)}`, "malformed"],
    ["a length over the limit", head("content-length: 4097"), "too-large"],
    ["a chunk over the limit", `${head("transfer-encoding: chunked")}fffffffffff\r\n`, "too-large"],
    ["bytes without length over the limit", head() + "x".repeat(most + 1), "too-large"],
    ["compression", head("content-encoding: br"), "encoding"],
    ["another status", "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "status"],
  ])("refuses %s, at once and however it is split", (_, text, fault) => {
    expect(read(bytes(text))).toMatchObject({ fault });
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 8 }), (cuts) => {
        expect(read(bytes(text), cuts)).toMatchObject({ fault });
      }),
      { numRuns: 20 },
    );
  });

  it("reads no other body than Node's own client, whatever the bytes", { timeout: 60_000 }, async () => {
    const damage = fc.record({
      at: fc.nat(),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(13, 10, 32, 58, 59)),
      cut: fc.nat(3),
    });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(answers, fc.array(damage, { maxLength: 2 }), async ({ answer }, damages) => {
        let given: Buffer = answer;
        for (const { at, byte, cut } of damages) {
          const place = at % given.length;
          given = Buffer.concat([given.subarray(0, place), Buffer.from([byte]), given.subarray(place + cut)]);
        }
        const reader = createAnswerReader(most);
        const ours = read(given, [], reader);
        const complete = "fault" in ours ? false : ours.progress === "complete" || reader.end() === "complete";
        // Node refuses some that we read: bytes after the answer, for example, which only cost us the connection.
        const nodes = complete ? await asNodeReads(given) : undefined;
        if (nodes === undefined) return;
        compared += 1;
        expect(reader.body.toString("latin1")).toBe(nodes.toString("latin1"));
      }),
      { numRuns: 600 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEndpointsFile } from "../src/parse-endpoints-file.ts";

function endpoints(text: string) {
  const parsed = parseEndpointsFile(text);
  if ("mistakes" in parsed) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.endpoints;
}

function mistakes(text: string): string[] {
  const parsed = parseEndpointsFile(text);
  return "mistakes" in parsed ? parsed.mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`) : [];
}

const entry = (more: string) => `endpoints:\n- { name: a, address: 10.0.0.1, port: 8000 }\n- ${more}\n`;

describe("an endpoints file", () => {
  it("gives names, namespaces, addresses, ports and labels", () => {
    const text = `# pool
endpoints:
- name: ep1
  namespace: ns1
  address: "10.0.0.1"
  port: "8000"
  labels: { llm-d.ai/role: decode, zone: "1" }
- { name: ep2, address: 10.0.0.2, port: 8001 }
`;
    expect(endpoints(text)).toEqual([
      { name: "ep1", namespace: "ns1", host: "10.0.0.1", port: 8000, labels: { "llm-d.ai/role": "decode", zone: "1" } },
      { name: "ep2", namespace: "default", host: "10.0.0.2", port: 8001, labels: {} },
    ]);
  });

  it("may be JSON, indented by tabs", () => {
    const text = JSON.stringify(
      { endpoints: [{ name: "a", address: "10.0.0.1", port: 8000, labels: {} }] },
      null,
      "\t",
    );
    expect(endpoints(text)).toEqual([{ name: "a", namespace: "default", host: "10.0.0.1", port: 8000, labels: {} }]);
  });

  it.each([
    ["::1", "::1"],
    ['"[2001:DB8:0:0::1]"', "2001:db8::1"],
    ["Model-Server.example.com", "model-server.example.com"],
    ["localhost", "localhost"],
  ])("takes the address %s", (given, host) => {
    expect(endpoints(entry(`{ name: b, address: ${given}, port: 1 }`))[1]?.host).toBe(host);
  });

  it.each([
    "999.1.1.1",
    "10.0.0",
    "10.0.0.1:80",
    "bad ip",
    "fe80::1%eth0",
    '"[10.0.0.1]"',
    "http://a",
    "a..b",
    "-a",
    '""',
    "host.0x7f",
    "10.1",
  ])("refuses the address %s", (given) => {
    expect(mistakes(entry(`{ name: b, address: ${given}, port: 1 }`))).toEqual([
      expect.stringMatching(/^3:23 address must be an IP address or a host name/),
    ]);
  });

  it.each(["0", "99999", "-1", "80.5", '"08000000"', '"0x50"', "[80]", "yes"])("refuses the port %s", (given) => {
    expect(mistakes(entry(`{ name: b, address: b, port: ${given} }`))).toEqual([
      "3:32 port must be a number from 1 to 65535",
    ]);
  });

  it("reports all mistakes together, each at its place", () => {
    const text = `endpoints:
- name: a
  address: 10.0.0.1
  port: 8000
  adress: 10.0.0.2
- { name: "x y", port: 70000, labels: { gpu: 1 } }
- 7
- { name: a, address: 10.0.0.9, port: 8000 }
- { name: c, address: 10.0.0.1, port: "8000" }
- { name: d, address: "[::1]", port: 1 }
- { name: e, address: "0:0::1", port: 1, labels: [x] }
pool: p
`;
    expect(mistakes(text)).toEqual([
      expect.stringMatching(/^5:3 an endpoint has no member adress; there are name, namespace, address/),
      "6:3 address is missing",
      expect.stringMatching(/^6:11 name must be/),
      "6:24 port must be a number from 1 to 65535",
      "6:46 label gpu must be a text; put it in quotes",
      expect.stringMatching(/^7:3 an endpoint must be a mapping/),
      "8:3 there are two endpoints named default/a",
      "9:3 default/c has the address of default/a: 10.0.0.1:8000",
      "11:3 default/e has the address of default/d: [::1]:1",
      "11:50 labels must be a mapping of texts",
      expect.stringMatching(/^12:1 the file has no member pool/),
    ]);
  });

  it("must say explicitly that there are no endpoints", () => {
    expect(endpoints("endpoints: []\n")).toEqual([]);
    for (const text of [
      "",
      "\n",
      "# nothing\n",
      "---\n",
      "null\n",
      "endpoints:\n",
      "endpoints: null\n",
      "{}\n",
      "[]\n",
      "x\n",
      "endpoints: {}\n",
    ]) {
      expect(mistakes(text), text).toHaveLength(1);
    }
    expect(mistakes("")[0]).toContain("endpoints: []");
  });

  it("refuses what is not YAML, with the place", () => {
    expect(mistakes("endpoints:\n- { name: a,\n")).toEqual([expect.stringMatching(/^\d+:\d+ not YAML and not JSON/)]);
    expect(mistakes("endpoints: []\nendpoints: []\n")).toEqual([expect.stringMatching(/^2:1 .*unique/)]);
    expect(mistakes("endpoints: []\n---\nendpoints: []\n")).toHaveLength(1);
    expect(mistakes("[".repeat(10_000)).length).toBeGreaterThan(0);
  });

  it("follows anchors, the latest one of a name, and survives a file made of aliases", () => {
    const text = `endpoints:
- { name: a, address: a, port: 1, labels: &l { tier: gold } }
- { name: b, address: b, port: 1, labels: *l }
- { name: c, address: c, port: 1, labels: &l { tier: iron } }
- { name: d, address: d, port: 1, labels: *l }
`;
    expect(endpoints(text).map(({ labels }) => labels?.["tier"])).toEqual(["gold", "gold", "iron", "iron"]);
    const many = `endpoints:\n- &e { name: a, address: a, port: 1 }\n${"- *e\n".repeat(20_000)}`;
    expect(mistakes(many)).toHaveLength(20_000);
    expect(mistakes("endpoints: &a [*a]\n")).toHaveLength(1);
    expect(mistakes("endpoints: [*nobody]\n")).toHaveLength(1);
  });

  it("takes label names as they are", () => {
    const labels = endpoints(
      entry('{ name: b, address: b, port: 1, labels: { __proto__: x, constructor: y, 1: "z" } }'),
    )[1]?.labels;
    expect(Object.entries(labels ?? {})).toEqual([
      ["1", "z"],
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  it("never throws, and never takes half a file for an empty pool", () => {
    const whole =
      "endpoints:\n- { name: a, address: 10.0.0.1, port: 8000 }\n- { name: b, address: 10.0.0.2, port: 8000 }\n";
    for (let end = 0; end < whole.length; end += 1) {
      const parsed = parseEndpointsFile(whole.slice(0, end));
      if ("endpoints" in parsed) expect(parsed.endpoints.length).toBeGreaterThan(0);
    }
    const pieces = fc.constantFrom(
      "endpoints",
      ":",
      " ",
      "\n",
      "- ",
      "{",
      "}",
      "[",
      "]",
      "name",
      "&a ",
      "*a",
      '"',
      "'",
      "|",
      "!!",
      "%",
      "#",
      "\t",
      "1",
      ",",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(pieces).map((list) => list.join("")),
        ),
        (text) => {
          expect(Object.keys(parseEndpointsFile(text))).toHaveLength(1);
        },
      ),
      { numRuns: 250 },
    );
  });
});

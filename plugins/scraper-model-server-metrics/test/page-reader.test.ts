import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builtInEngines, engineConfig } from "../src/engines.ts";
import { type Aggregate, createPagePlan, Slot } from "../src/page-plan.ts";
import { createPageReader } from "../src/page-reader.ts";
import { vllmPage } from "./vllm-page.ts";

const engine = engineConfig.parse({
  name: "test",
  queuedRequestsSpec: "q",
  runningRequestsSpec: "r{kind=run}",
  kvUsageSpec: "kv",
  loraSpec: "lora",
  cacheInfoSpec: "info",
  customMetrics: [
    { attributeKey: "temperature", metricSpec: "temp" },
    { attributeKey: "gpu", metricSpec: "gpu{id=1}" },
  ],
});

function read(page: string | Buffer, aggregate: Aggregate = "first") {
  const reader = createPageReader(createPagePlan(engine, aggregate));
  reader.read(Buffer.from(page));
  return summary(reader);
}

function summary({ values, adapters }: ReturnType<typeof createPageReader>) {
  const named = {
    waiting: values[Slot.waiting],
    running: values[Slot.running],
    kvUsage: values[Slot.kvUsage],
    blockSize: values[Slot.blockSize],
    blockCount: values[Slot.blockCount],
    temperature: values[Slot.custom],
    gpu: values[Slot.custom + 1],
  };
  return {
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => !Number.isNaN(value))),
    ...(adapters === undefined
      ? {}
      : { active: [...adapters.active], waitingFor: [...adapters.waiting], max: adapters.max }),
  };
}

describe("a page reader", () => {
  it("reads numbers as the format writes them", () => {
    const numbers: [string, number][] = [
      ["0", 0],
      ["-12.5", -12.5],
      ["+3", 3],
      ["1e3", 1_000],
      ["1.7239912355e+09", 1_723_991_235.5],
      [".5", 0.5],
      ["5.", 5],
      ["0.1234567890123456789", 0.12345678901234568],
      ["123456789012345678", 123456789012345680],
      ["4.9e-324", 4.9e-324],
    ];
    for (const [text, value] of numbers) expect(read(`temp ${text}\n`), text).toEqual({ temperature: value });
    for (const text of [
      "NaN",
      "+Inf",
      "-Inf",
      "inf",
      "0x10",
      "1e999",
      "1_000",
      "1,5",
      "--1",
      "e5",
      "",
      ".",
      "1e",
      "١",
    ]) {
      expect(read(`temp ${text}\n`), text).toEqual({});
    }
  });

  it("reads any decimal number as JavaScript does", () => {
    const digits = fc.stringMatching(/^-?\d{1,18}(\.\d{1,18})?(e[+-]?\d{1,3})?$/);
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }).map(String), digits), (text) => {
        const value = Number(text);
        expect(read(`temp ${text}\n`)).toEqual(Number.isFinite(value) ? { temperature: value } : {});
      }),
      { numRuns: 500 },
    );
  });

  it("finds labels whatever their order, blanks, escapes and neighbours", () => {
    expect(read('r{kind="wait"} 1\nr{a="}",b="\\"kind=\\"run",kind="run",} 2\n')).toEqual({ running: 2 });
    expect(read('r { a = "x" , kind = "run" }\t3 \r\n')).toEqual({ running: 3 });
    expect(read('r{kind="running"} 1\nr{akind="run"} 2\nr{kind="ru"} 4\n')).toEqual({});
  });

  it("does not take a metric for another that begins alike, nor a comment or a mention for a sample", () => {
    expect(read('# HELP q 7\n# TYPE q gauge\nq_total 1\nqq 2\n q 5\nx{y="\\nq 3"} 4\n')).toEqual({});
    expect(read("q_total 1\nq 3\n")).toEqual({ waiting: 3 });
  });

  it("takes the newest explicit timestamp, else the first sample", () => {
    expect(read('q{e="0"} 1\nq{e="1"} 2\n')).toEqual({ waiting: 1 });
    expect(read('q{e="0"} 1\nq{e="1"} 2 50\nq{e="2"} 3 70\nq{e="3"} 4 60\nq{e="4"} 5 70\n')).toEqual({ waiting: 3 });
    expect(read('q{e="0"} NaN\nq{e="1"} 2\n')).toEqual({ waiting: 2 });
  });

  it("adds engines up when told to, and averages KV use", () => {
    const page =
      'q{e="0"} 1\nq{e="1"} 2\nr{kind="run"} 4\nkv{e="0"} 0.5\nkv{e="1"} 1.0\ntemp{e="0"} 7\ntemp{e="1"} 8\n';
    const info = 'info{block_size="16",num_gpu_blocks="100"} 1\ninfo{block_size="16",num_gpu_blocks="50"} 1\n';
    expect(read(page + info, "sum")).toEqual({
      waiting: 3,
      running: 4,
      kvUsage: 0.75,
      blockSize: 16,
      blockCount: 150,
      temperature: 7,
    });
  });

  it("keeps KV use within 0 and 1, makes counts whole, and refuses negative ones", () => {
    expect(read("kv 1.0000001\nq 2.9\n")).toEqual({ kvUsage: 1, waiting: 2 });
    expect(read("kv -0.1\nq -1\n")).toEqual({ kvUsage: 0 });
  });

  it("leaves out facts about the cache that the server does not know yet", () => {
    expect(read('info{block_size="16",num_gpu_blocks="None"} 1\nq 1\n')).toEqual({ waiting: 1, blockSize: 16 });
    expect(read('info{block_size="0"} 1\n')).toEqual({});
  });

  it("takes the adapters of the sample with the greatest value, lists trimmed", () => {
    const line = (active: string, waiting: string, value: string) =>
      `lora{max_lora="4",running_lora_adapters="${active}",waiting_lora_adapters="${waiting}"} ${value}\n`;
    const page = `${line("old", "", "1.7e9")}${line(" sql ,, chat", "poet", "1.9e9")}${line("x", "", "1.8e9")}`;
    expect(read(page)).toEqual({ active: ["sql", "chat"], waitingFor: ["poet"], max: 4 });
    expect(read(line("", "", "1"))).toEqual({ active: [], waitingFor: [], max: 4 });
    expect(read('lora{running_lora_adapters="a\\"b"} 1\n')).toEqual({
      active: ['a"b'],
      waitingFor: [],
      max: Number.NaN,
    });
  });

  it("does not believe adapter lists without end", () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `a${i}`).join(",");
    const page = `lora{running_lora_adapters="${names}",waiting_lora_adapters="${"x".repeat(10_000)},ok"} 1\n`;
    const { active, waitingFor } = read(page) as { active: string[]; waitingFor: string[] };
    expect(active.length).toBe(4_096);
    expect(waitingFor).toEqual(["ok"]);
  });

  it("does not read a line that was cut off, at whatever byte", () => {
    const whole = 'q 123\nkv 0.875 1700000000\nr{kind="run"} 45\n';
    for (let end = 0; end < whole.length; end += 1) {
      const lines = whole.slice(0, end).split("\n").length - 1;
      const expected = [{ waiting: 123 }, { kvUsage: 0.875 }, { running: 45 }].slice(0, lines);
      expect(read(whole.slice(0, end)), whole.slice(0, end)).toEqual(Object.assign({}, ...expected));
    }
  });

  it("reads what is whole between lines that are broken", () => {
    const broken = ['q{a="', "q{", "q", "q{a}b", "q 1 2 3", "q 1 x", 'q{a="b"}', 'q{a="b" 4', "q x"];
    for (const line of broken) expect(read(`${line}\nq 7\n`), line).toEqual({ waiting: 7 });
  });

  it("survives any bytes, and reads nothing from them that is not there", () => {
    const pieces = fc.constantFrom(
      "q",
      "r",
      "kv",
      "lora",
      "info",
      "{",
      "}",
      '"',
      "\\",
      "\n",
      " ",
      "=",
      ",",
      "1",
      "kind",
      "run",
      "\0",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
          fc.array(pieces).map((list) => Buffer.from(list.join(""))),
        ),
        (page) => {
          const values = read(page) as Record<string, unknown>;
          for (const [key, pattern] of [
            ["waiting", /^q[ \t{].*\d/m],
            ["kvUsage", /^kv[ \t{].*\d/m],
            ["running", /^r[ \t]*\{.*kind.*run.*\d/m],
          ] as const) {
            if (values[key] !== undefined) expect(page.toString("latin1")).toMatch(pattern);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("finds on the next page exactly what a reader without memory finds", () => {
    const line = (name: string, labels = "") => fc.nat(10_000_000).map((value) => `${name}${labels} ${value}\n`);
    const filler = fc
      .array(line("filler_with_a_long_name_bucket", '{le="1"}'), { maxLength: 30 })
      .map((lines) => lines.join(""));
    const group = (name: string, labels: string) =>
      fc.array(line(name, labels), { maxLength: 3 }).map((lines) => `# TYPE ${name} gauge\n${lines.join("")}`);
    const page = fc
      .tuple(
        filler,
        group("q", '{e="0"}'),
        filler,
        group("r", '{kind="run"}'),
        group("kv", ""),
        filler,
        group("temp", ""),
        fc.boolean(),
      )
      .map((parts) => {
        const groups = parts.slice(0, -1) as string[];
        return (parts.at(-1) === true ? groups.reverse() : groups).join("");
      });
    const plan = createPagePlan(engine, "first");
    fc.assert(
      fc.property(fc.array(page, { minLength: 2, maxLength: 6 }), (pages) => {
        const reader = createPageReader(plan);
        for (const text of [...pages, pages.at(-1)!]) {
          reader.read(Buffer.from(text));
          expect(summary(reader)).toEqual(read(text));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("follows values, adapters included, over the pages of a busy server", () => {
    const reader = createPageReader(createPagePlan(builtInEngines[0]!, "first"));
    for (let i = 0; i < 300; i += 1) {
      const active = `a${i % 3}`;
      const lora = `vllm:lora_requests_info{max_lora="2",running_lora_adapters="${active}",waiting_lora_adapters=""} ${i}`;
      const hasLora = i % 50 < 40;
      reader.read(
        vllmPage({ served: i ** 3, waiting: i, running: i * 3, kvUsage: i / 300, ...(hasLora ? { lora } : {}) }),
      );
      expect([reader.values[Slot.waiting], reader.values[Slot.running], reader.values[Slot.kvUsage]]).toEqual([
        i,
        i * 3,
        i / 300,
      ]);
      expect([reader.values[Slot.blockSize], reader.values[Slot.blockCount]]).toEqual([16, 27_712]);
      expect(reader.adapters?.active).toEqual(hasLora ? new Set([active]) : undefined);
    }
  });

  it("does not keep the page, and keeps the adapter sets while their labels stay", () => {
    const reader = createPageReader(createPagePlan(engine, "first"));
    const page = Buffer.from('q 5\nlora{running_lora_adapters="a"} 1\n');
    reader.read(page);
    const before = reader.adapters;
    page.fill(0);
    reader.read(Buffer.from('q 5\nlora{running_lora_adapters="a"} 1\n'));
    expect(summary(reader)).toMatchObject({ waiting: 5, active: ["a"] });
    reader.read(Buffer.from('q 6\nlora{running_lora_adapters="a"} 2\n'));
    expect(reader.adapters).toBe(before);
  });
});

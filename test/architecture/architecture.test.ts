import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "@pointsman/diagnostics";
import { describe, expect, it } from "vitest";
import { importsOf, read, root, workspace } from "./workspace.ts";

/** Which of our packages each room may import, besides itself. `docs/architecture.md` draws the same arrows. */
const directions: Readonly<Record<string, readonly string[]>> = {
  "plugin-api": [],
  diagnostics: [],
  datastore: ["plugin-api", "diagnostics"],
  scheduling: ["plugin-api", "diagnostics"],
  config: ["plugin-api", "diagnostics"],
  "inference-api": ["plugin-api", "diagnostics"],
  "kv-cache": ["plugin-api", "diagnostics"],
  tokenization: ["plugin-api", "diagnostics"],
  telemetry: ["plugin-api", "diagnostics"],
  "scrape-client": ["plugin-api"],
  "kubernetes-client": ["plugin-api"],
  "command-line": ["config", "diagnostics"],
  "plugin-host": ["plugin-api", "diagnostics", "config"],
  "ext-proc": ["inference-api", "plugin-api"],
  "plugin-testkit": ["plugin-api", "plugin-host", "scheduling", "datastore", "config", "diagnostics"],
  simulation: ["plugin-api", "plugin-host", "scheduling", "datastore", "config", "diagnostics", "kv-cache"],
  "create-pointsman-plugin": [],
};

/** Libraries that plugins may share. */
const pluginLibraries = [
  "plugin-api",
  "inference-api",
  "kv-cache",
  "tokenization",
  "scrape-client",
  "kubernetes-client",
];

function oursIn(file: string): string[] {
  return importsOf(file).filter((specifier) => specifier.startsWith("@pointsman/"));
}

describe("the dependency direction", () => {
  it.each(workspace.filter(({ group }) => group === "packages"))("of $path is kept", ({ path, sources }) => {
    const name = path.slice("packages/".length);
    expect(directions, `packages/${name} is not in the table of this test`).toHaveProperty(name);
    const allowed = (directions[name] ?? []).map((room) => `@pointsman/${room}`);
    const wrong = sources.flatMap((file) =>
      oursIn(file)
        .filter((specifier) => !allowed.some((room) => specifier === room || specifier.startsWith(`${room}/`)))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each(workspace.filter(({ group }) => group === "plugins"))("of $path is kept", ({ sources }) => {
    const wrong = sources.flatMap((file) =>
      oursIn(file)
        .filter((specifier) => {
          if (/^@pointsman\/plugin-[^/]+\/keys$/.test(specifier)) return false;
          return !pluginLibraries.some((room) => specifier === `@pointsman/${room}`);
        })
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it("lets nobody but the command line import an app", () => {
    const apps = workspace.filter(({ group }) => group === "apps").map(({ name }) => name);
    const wrong = workspace
      .filter(({ path }) => path !== "apps/cli")
      .flatMap(({ sources, name }) =>
        sources.flatMap((file) => importsOf(file).map((specifier) => ({ file, specifier, name }))),
      )
      .filter(({ specifier, name }) => apps.includes(specifier) && specifier !== name);
    expect(wrong).toEqual([]);
  });

  it("lets nobody reach into the sources of another package", () => {
    const wrong = workspace.flatMap(({ sources }) =>
      sources.flatMap((file) => importsOf(file).filter((specifier) => /\/src\/|(\.\.\/){3,}/.test(specifier))),
    );
    expect(wrong).toEqual([]);
  });

  it("is what the manifests say: every import is a declared dependency", () => {
    const wrong = workspace.flatMap(({ sources, manifest, name }) => {
      const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
      return sources.flatMap((file) =>
        importsOf(file)
          .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
          .map((specifier) =>
            specifier
              .split("/")
              .slice(0, specifier.startsWith("@") ? 2 : 1)
              .join("/"),
          )
          .filter((dependency) => dependency !== name && declared[dependency] === undefined)
          .map((dependency) => `${file} imports ${dependency}`),
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe("what exists in few places only", () => {
  const all = workspace.flatMap(({ sources }) => sources);

  it("tsyringe is imported by the container of the host and that of the picker", () => {
    const users = all.filter((file) => importsOf(file).includes("tsyringe"));
    expect(users).toEqual(["packages/plugin-host/src/di/container.ts", "apps/epp/src/container.ts"]);
  });

  it("process.env is read by the configuration and by main files", () => {
    const users = all.filter((file) => /process\.env/.test(read(file)));
    // The conformance suite names it in its messages, and compares it before and after an import.
    const allowed = ["packages/config/src/", "packages/plugin-testkit/src/conformance/"];
    const wrong = users.filter((file) => !allowed.some((dir) => file.startsWith(dir)) && !file.endsWith("/main.ts"));
    expect(wrong).toEqual([]);
  });

  it("nothing writes to the console: logs are structured, and commands write to their streams", () => {
    expect(all.filter((file) => /\bconsole\./.test(read(file)))).toEqual([]);
  });

  it("grpc-js stays in the transports and clients", () => {
    const users = all.filter((file) => importsOf(file).includes("@grpc/grpc-js"));
    const wrong = users.filter((file) => !/^packages\/ext-proc\/src\/(transport\/grpc-js|client)\//.test(file));
    expect(wrong.filter((file) => !file.startsWith("apps/gateway/src/picker/"))).toEqual([]);
  });
});

describe("plugin packages", () => {
  it.each(workspace.filter(({ group }) => group === "plugins"))(
    "$path has the common shape",
    ({ manifest, name, path }) => {
      expect(name).toBe(`@pointsman/plugin-${path.slice("plugins/".length)}`);
      // A literal range, so that a release of the API does not raise the floor; the workspace copy for development.
      expect(manifest.peerDependencies?.["@pointsman/plugin-api"]).toBe("^1.0.0");
      expect(manifest.devDependencies?.["@pointsman/plugin-api"]).toBe("workspace:*");
      expect(manifest.exports).toHaveProperty(["."]);
      expect(manifest.exports).toHaveProperty(["./package.json"]);
      // As `npm create pointsman-plugin` makes them for others; its drift test compares the manifests line by line.
      for (const file of ["README.md", "test/conformance.int.test.ts"]) {
        expect(existsSync(join(root, path, file)), `${path} has no ${file}`).toBe(true);
      }
      const types = Object.values(
        (manifest.pointsman as unknown as { types: Record<string, { capabilities: string[] }> }).types,
      );
      const measurable = types.some(({ capabilities }) =>
        capabilities.some((kind) => /^(filter|scorer|picker)$/.test(kind)),
      );
      if (measurable) expect(existsSync(join(root, path, "bench")), `${path} has no bench/`).toBe(true);
    },
  );
});

describe("generated and derived files", () => {
  it("the references of every tsconfig.json follow the dependencies", () => {
    const script = join(root, "scripts", "sync-references.mjs");
    expect(() => execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" })).not.toThrow();
  });

  it("every diagnostic code of the catalogue is used somewhere", () => {
    const text = workspace
      .flatMap(({ sources }) => sources)
      .filter((file) => !file.startsWith("packages/diagnostics/src/catalogue"))
      .map(read)
      .join("\n");
    expect(Object.keys(catalogue).filter((code) => !text.includes(code))).toEqual([]);
  });
});

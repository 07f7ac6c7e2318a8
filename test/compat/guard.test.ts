import { describe, expect, it } from "vitest";
import { assertLoopback, assertLoopbackConfig, assertPublishable } from "./harness/loopback.ts";

const here = "http://127.0.0.1:22200/";

describe("the guard before publishing", () => {
  it("lets a registry on loopback pass", () => {
    expect(() => assertLoopback(here, "it")).not.toThrow();
    expect(() => assertLoopback("http://[::1]:4873/", "it")).not.toThrow();
    expect(() => assertLoopbackConfig({ registry: here, "@acme:registry": here, cache: "/x" })).not.toThrow();
    expect(() => assertPublishable({ name: "a", publishConfig: { access: "public", registry: here } })).not.toThrow();
    expect(() => assertPublishable({ name: "a" })).not.toThrow();
  });

  it.each([
    "https://registry.example/",
    "https://127.0.0.1:4873/",
    "http://127.0.0.1/",
    "http://127.0.0.1.example:4873/",
    "http://127.0.0.1:4873@registry.example:80/",
    "http://localhost.example:4873/",
    "http://0.0.0.0:4873/",
    "",
    undefined,
  ])("refuses %s", (url) => {
    expect(() => assertLoopback(url, "it")).toThrow(/^refused: it is .* not a registry on loopback$/);
  });

  it("refuses a client that would go elsewhere for one scope, or does not say where it goes", () => {
    expect(() => assertLoopbackConfig({ registry: here, "@pointsman:registry": "https://registry.example/" })).toThrow(
      'refused: the client\'s "@pointsman:registry" is https://registry.example/',
    );
    expect(() => assertLoopbackConfig({ "@pointsman:registry": here })).toThrow("the client tells no registry");
  });

  it("refuses a package that names another place by itself", () => {
    const manifest = { name: "a", publishConfig: { registry: "https://registry.example/" } };
    expect(() => assertPublishable(manifest)).toThrow('refused: "publishConfig.registry" of a is');
  });
});

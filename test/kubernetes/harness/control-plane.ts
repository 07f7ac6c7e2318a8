import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { accessSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, openCluster } from "@pointsman/kubernetes-client";
import { freePort } from "./free-port.ts";
import { poll } from "./poll.ts";

/** Users of the control plane by name; each has a token, and only `admin` has permissions from the start. */
const users = { admin: "system:masters", picker: "pickers", nobody: "nobodies" } as const;
export type User = keyof typeof users;

/** A real kube-apiserver, with RBAC on, and its etcd. No kubelet, no controllers: tests write what these would. */
export interface ControlPlane {
  readonly folder: string;
  readonly url: string;
  /** The administrator's connection. */
  readonly admin: Cluster;
  /** Path of a kubeconfig. */
  kubeconfig(user: User): string;
  /** Ends the API server as a crash does; etcd goes on. */
  crashServer(): Promise<void>;
  /** Lets etcd forget all but its newest revision, which is made now: every resource version of before has expired. */
  compact(): Promise<void>;
  /** Starts it again and waits until it is ready. */
  startServer(): Promise<void>;
  stop(): Promise<void>;
}

const reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const review = {
  apiVersion: "authorization.k8s.io/v1",
  kind: "SelfSubjectAccessReview",
  spec: { nonResourceAttributes: { path: "/", verb: "get" } },
};
const programs = ["etcd", "kube-apiserver"] as const;

/** Where the programs are, or undefined: `test/kubernetes/control-plane/build.sh DIR` makes them. */
export function findControlPlane(): string | undefined {
  const version = /k8s\.io\/kubernetes (v\S+)/.exec(
    readFileSync(join(import.meta.dirname, "../control-plane/go.mod"), "utf8"),
  )?.[1];
  const cache = process.env["POINTSMAN_CI_CACHE"] ?? join(homedir(), ".cache", "pointsman-ci");
  const folder = join(cache, `control-plane-${version}`);
  try {
    for (const program of programs) accessSync(join(folder, program), constants.X_OK);
    return folder;
  } catch {
    return undefined;
  }
}

export async function startControlPlane(): Promise<ControlPlane> {
  const bin = findControlPlane();
  if (bin === undefined) throw new Error("there is no control plane");
  const folder = mkdtempSync(join(tmpdir(), "pointsman-control-plane-"));
  const [clients, peers, secure] = [await freePort(), await freePort(), await freePort()];
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(join(folder, "sa.key"), privateKey.export({ type: "pkcs1", format: "pem" }));
  const tokens = Object.entries(users).map(([name, group]) => `${name}-token,${name},${name}-uid,"${group}"`);
  writeFileSync(join(folder, "tokens.csv"), `${tokens.join("\n")}\n`);

  const run = (program: (typeof programs)[number], flags: readonly string[]): ChildProcess => {
    const log = openSync(join(folder, `${program}.log`), "a");
    const child = spawn(join(bin, program), flags, { cwd: folder, stdio: ["ignore", log, log] });
    // A test run that is broken off must not leave it behind.
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    return child;
  };
  const etcd = run("etcd", [
    "--data-dir=etcd",
    `--listen-client-urls=http://127.0.0.1:${clients}`,
    `--advertise-client-urls=http://127.0.0.1:${clients}`,
    `--listen-peer-urls=http://127.0.0.1:${peers}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peers}`,
    `--initial-cluster=default=http://127.0.0.1:${peers}`,
    "--unsafe-no-fsync",
    "--log-level=error",
  ]);
  const url = `https://127.0.0.1:${secure}`;
  let server: ChildProcess | undefined;
  let admin: Cluster | undefined;
  let nobody: Cluster | undefined;

  const kubeconfig = (user: User): string => {
    const path = join(folder, `${user}.kubeconfig`);
    const ca = readFileSync(join(folder, "certs", "apiserver.crt")).toString("base64");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "test", cluster: { server: url, "certificate-authority-data": ca } }],
      users: [{ name: user, user: { token: `${user}-token` } }],
      contexts: [{ name: "test", context: { cluster: "test", user, namespace: "default" } }],
      "current-context": "test",
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  };

  const startServer = async (): Promise<void> => {
    mkdirSync(join(folder, "certs"), { recursive: true });
    const child = run("kube-apiserver", [
      `--etcd-servers=http://127.0.0.1:${clients}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${secure}`,
      "--cert-dir=certs",
      "--service-account-issuer=https://test.local",
      "--service-account-key-file=sa.key",
      "--service-account-signing-key-file=sa.key",
      "--token-auth-file=tokens.csv",
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.96.0.0/24",
      "--disable-admission-plugins=ServiceAccount",
      "--endpoint-reconciler-type=none",
      "--allow-privileged=true",
    ]);
    server = child;
    await poll(
      "kube-apiserver to be ready",
      async () => {
        if (child.exitCode !== null) {
          throw new Error(readFileSync(join(folder, "kube-apiserver.log"), "utf8").slice(-2_000));
        }
        try {
          // Anew each time: the certificate may be half written when it is first read.
          const tried = admin ?? (await openCluster({ kubeconfig: kubeconfig("admin") }));
          await tried.call({ attempt, path: "/api/v1/namespaces/default", timeoutMs: 2_000 });
          admin = tried;
          // The roles that everybody has come a little later.
          nobody ??= await openCluster({ kubeconfig: kubeconfig("nobody") });
          await nobody.call({ attempt, method: "POST", path: reviews, body: review, timeoutMs: 2_000 });
          return true;
        } catch {
          return undefined;
        }
      },
      { deadlineMs: 90_000, pauseMs: 100 },
    );
  };
  const attempt = { verb: "get", resource: { group: "", version: "v1", plural: "namespaces", namespace: undefined } };
  const end = async (child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await exited;
  };
  const etcdCall = async (path: string, body: object): Promise<{ header: { revision: string } }> => {
    const response = await fetch(`http://127.0.0.1:${clients}/v3/kv/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as { header: { revision: string } };
  };
  const compact = async (): Promise<void> => {
    const key = Buffer.from("newest").toString("base64");
    const { header } = await etcdCall("put", { key, value: key });
    await etcdCall("compaction", { revision: header.revision, physical: true });
  };
  const stop = async (): Promise<void> => {
    admin?.close();
    nobody?.close();
    await end(server, "SIGKILL");
    await end(etcd, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await startServer();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    folder,
    url,
    admin: admin!,
    kubeconfig,
    crashServer: () => end(server, "SIGKILL"),
    compact,
    startServer,
    stop,
  };
}

import { Datastore } from "@pointsman/datastore";
import type { Attribute, EndpointSpec } from "@pointsman/plugin-api";
import { CandidateList, RequestColumns } from "@pointsman/scheduling";

const WRITER = "test";

/** An attribute with its value. Build it with {@link value}, which checks the two against each other. */
export interface AttributeValue {
  readonly attribute: Attribute;
  readonly value: unknown;
}

export function value<Value>(attribute: Attribute<Value>, given: Value): AttributeValue {
  return { attribute: attribute as Attribute, value: given };
}

export interface TestEndpoint extends Partial<EndpointSpec> {
  readonly attributes?: readonly AttributeValue[];
}

/** A pool on the production datastore, with a clock that only the test moves. */
export interface TestPool {
  readonly datastore: Datastore;
  readonly clock: { now: number };
  /** Writes as a scraper with this interval would. */
  write(endpoint: string, attribute: Attribute, value: unknown, writer?: string): void;
  /** All endpoints of the pool as they are now, with the request-scoped values of the call. */
  candidates(): CandidateList;
}

/** Endpoint `i` is named `pod-i` and has address `192.168.1.(i+1):8000` unless the entry says otherwise. */
export function createTestPool(endpoints: readonly TestEndpoint[]): TestPool {
  const clock = { now: 1_000_000 };
  const datastore = new Datastore({ now: () => clock.now });
  const specs = endpoints.map(
    (entry, i): EndpointSpec => ({
      name: entry.name ?? `pod-${i}`,
      namespace: entry.namespace ?? "default",
      host: entry.host ?? `192.168.1.${i + 1}`,
      port: entry.port ?? 8000,
      ...(entry.rank === undefined ? {} : { rank: entry.rank }),
      labels: entry.labels ?? {},
    }),
  );
  datastore.replace(specs);
  const requestValues: { attribute: Attribute; row: number; value: unknown }[] = [];
  endpoints.forEach((entry, row) => {
    for (const { attribute, value: given } of entry.attributes ?? []) {
      if (attribute.scope === "request") {
        requestValues.push({ attribute, row, value: given });
        continue;
      }
      datastore.bind(attribute, WRITER);
      datastore.write(`${specs[row]!.namespace}/${specs[row]!.name}`, attribute, given, { writer: WRITER });
    }
  });
  return {
    datastore,
    clock,
    write(endpoint, attribute, given, writer = WRITER) {
      datastore.bind(attribute, writer);
      if (!datastore.write(endpoint, attribute, given, { writer })) throw new Error(`no endpoint ${endpoint}`);
    },
    candidates() {
      const list = new CandidateList(datastore.snapshot());
      const columns = new RequestColumns(list.length);
      for (const attribute of new Set(requestValues.map((entry) => entry.attribute))) {
        const column: unknown[] = new Array(list.length).fill(attribute.kind === "f64" ? Number.NaN : undefined);
        for (const entry of requestValues) if (entry.attribute === attribute) column[entry.row] = entry.value;
        columns.publish(attribute, WRITER, list, column);
      }
      list.table.requestValues = columns;
      return list;
    },
  };
}

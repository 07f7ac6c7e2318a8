// tsyringe refuses to load without the metadata API, so this import stays first.
import "reflect-metadata";
import { type DependencyContainer, container as globalContainer } from "tsyringe";

export type { DependencyContainer } from "tsyringe";

/** Token of a service: the same for every copy of the plugin API, since refs are data. */
export function serviceToken(id: string): symbol {
  return Symbol.for(`pointsman.service/${id}`);
}

/** A container of its own for one host, apart from tsyringe's global one. */
export function createRootContainer(): DependencyContainer {
  return globalContainer.createChildContainer();
}

/** Services of one plugin instance; everything else falls through to the root. */
export interface InstanceContainer {
  /** The object for a service id, or undefined when nobody provides it. */
  resolve(id: string): unknown;
}

/**
 * A child container for one instance. Only values and factories are registered, and factories are asked at most once:
 * the container composes at start and is never asked on the request path.
 */
export function createInstanceContainer(
  root: DependencyContainer,
  services: Readonly<Record<string, () => unknown>>,
): InstanceContainer {
  const child = root.createChildContainer();
  for (const [id, create] of Object.entries(services)) {
    let made: { readonly value: unknown } | undefined;
    child.register(serviceToken(id), {
      useFactory: () => {
        made ??= { value: create() };
        return made.value;
      },
    });
  }
  return {
    resolve: (id) => {
      const token = serviceToken(id);
      return child.isRegistered(token, true) ? child.resolve(token) : undefined;
    },
  };
}

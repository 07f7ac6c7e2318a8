/** Which name the chain of a prompt's blocks begins with. The names of adapters are always their own. */
export interface ModelRoots {
  /** Of a request's target model. @param isAdapter events have told of an adapter with this name */
  ofRequest(model: string, isAdapter: boolean): string;
  /** Of an endpoint's base model; undefined when it is not known. @param topicModel the one in the topic of its events */
  ofEvents(topicModel: string | undefined): string | undefined;
}

/** All names that are no adapter's are one base model, whatever it is called: for an index of this pool alone. */
export const poolRoots: ModelRoots = { ofRequest: (model, isAdapter) => (isAdapter ? model : ""), ofEvents: () => "" };

/**
 * Names as they are, as llm-d's indexer has them: for an index that is shared with others.
 * @param baseModel the base model's name where topics do not say it, or say another one.
 */
export function namedRoots(baseModel: string | undefined): ModelRoots {
  return { ofRequest: (model) => model, ofEvents: (topicModel) => baseModel ?? topicModel };
}

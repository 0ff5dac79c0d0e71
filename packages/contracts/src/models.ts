/** What is embedded with the text of a chunk: nothing, or the title of its document and the headings above it. */
export const embeddingContexts = ['none', 'headings'] as const;
export type EmbeddingContext = (typeof embeddingContexts)[number];

/**
 * What vectors are made with: the model, and what is added to the texts that it gets. Vectors that differ in any of these
 * cannot be compared, or are found less well.
 */
export interface EmbeddingModel {
  /** The model's name. */
  model: string;
  /** The length of its vectors. */
  dimensions: number;
  /** The text that is put before every query. Empty when the model was trained without one. */
  queryPrefix: string;
  /** The text that is put before every text of a document. */
  documentPrefix: string;
  context: EmbeddingContext;
}

/** Returns the fields of the model and no others. */
export function modelOf({ model, dimensions, queryPrefix, documentPrefix, context }: EmbeddingModel): EmbeddingModel {
  return { model, dimensions, queryPrefix, documentPrefix, context };
}

/** Returns true when vectors of both can be compared. */
export function isSameModel(one: EmbeddingModel, other: EmbeddingModel): boolean {
  return JSON.stringify(modelOf(one)) === JSON.stringify(modelOf(other));
}

/** Returns the model in words, such as 'e5-base (768 dimensions, query prefix "query: ", document prefix "passage: ")'. */
export function describeModel({ model, dimensions, queryPrefix, documentPrefix, context }: EmbeddingModel): string {
  const facts = [
    `${dimensions} dimensions`,
    ...(queryPrefix === '' ? [] : [`query prefix ${JSON.stringify(queryPrefix)}`]),
    ...(documentPrefix === '' ? [] : [`document prefix ${JSON.stringify(documentPrefix)}`]),
    ...(context === 'none' ? [] : [`context ${context}`]),
  ];
  return `${model} (${facts.join(', ')})`;
}

/** What vectors are made with. Vectors of two models cannot be compared. */
export interface EmbeddingModel {
  /** The model's name. */
  model: string;
  /** The length of its vectors. */
  dimensions: number;
}

/** Returns true when vectors of both can be compared. */
export function isSameModel(one: EmbeddingModel, other: EmbeddingModel): boolean {
  return one.model === other.model && one.dimensions === other.dimensions;
}

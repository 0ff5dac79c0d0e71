/** What has to be put into a queue after a commit; `attempt` makes the queue job's id, so doing it twice is harmless. */
export interface ChunkDispatch {
  chunkId: string;
  jobId: string;
  documentId: string;
  chunkIndex: number;
  /** The queue job's id, as it stands on the row. */
  queueJobId: string;
  /** How long the delivery should wait, in milliseconds. */
  delayMs: number;
}

export interface JobDispatch {
  jobId: string;
  documentId: string;
  queueJobId: string;
}

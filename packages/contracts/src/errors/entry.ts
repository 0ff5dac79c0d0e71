/** What is known about an error code: how HTTP answers it, whether trying again can help, and what to do. */
export interface ErrorEntry {
  /** HTTP status of the problem document. */
  status: number;
  /** True when the same work may succeed later without a person changing anything. */
  retryable: boolean;
  /** Short, stable summary for people (RFC 9457 `title`). */
  title: string;
  /** What the reader can do about it. */
  advice: string;
}

/** Trying again cannot help before a person has changed something. */
export function permanent(status: number, title: string, advice: string): ErrorEntry {
  return { status, retryable: false, title, advice };
}

/** The same work may succeed later. */
export function retryable(status: number, title: string, advice: string): ErrorEntry {
  return { status, retryable: true, title, advice };
}

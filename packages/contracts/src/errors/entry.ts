/** The HTTP status, the meaning and the advice of an error code. */
export interface ErrorEntry {
  /** The HTTP status of the problem document. */
  status: number;
  /** True when the same work may succeed later, with nothing changed. */
  retryable: boolean;
  /** Says what is wrong, without a full stop (RFC 9457 `title`). */
  title: string;
  /** Says what the reader can do. */
  advice: string;
}

/** The same work fails again until something is changed. */
export function permanent(status: number, title: string, advice: string): ErrorEntry {
  return { status, retryable: false, title, advice };
}

/** The same work may succeed later. */
export function retryable(status: number, title: string, advice: string): ErrorEntry {
  return { status, retryable: true, title, advice };
}

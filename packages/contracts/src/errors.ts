import { cleanText } from './text';

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

function permanent(status: number, title: string, advice: string): ErrorEntry {
  return { status, retryable: false, title, advice };
}

function retryable(status: number, title: string, advice: string): ErrorEntry {
  return { status, retryable: true, title, advice };
}

/** Every error code Millrace answers with or stores. The code is the contract; wording may change. */
export const errorCatalogue = {
  // Requests
  REQUEST_INVALID: permanent(400, 'The request is not valid', 'Correct the fields named in "errors".'),
  JSON_MALFORMED: permanent(
    400,
    'The request body is not JSON',
    'Send a well-formed JSON object with Content-Type: application/json.',
  ),
  UNAUTHENTICATED: permanent(
    401,
    'The API key is missing or unknown',
    'Send "Authorization: Bearer KEY" with the key the API was started with.',
  ),
  NOT_FOUND: permanent(404, 'There is no such address', 'See /docs for the addresses this API answers.'),
  CROSS_SITE: permanent(
    403,
    'Requests from other sites are refused',
    'Open the page itself, or use the API with the key in a header.',
  ),
  METHOD_NOT_ALLOWED: permanent(
    405,
    'This address does not take that method',
    'See the Allow header for the methods it takes.',
  ),
  DOCUMENT_NOT_FOUND: permanent(404, 'There is no such document', 'Check the document id.'),
  JOB_NOT_FOUND: permanent(404, 'There is no such job', 'Check the job id.'),
  CHUNK_NOT_FOUND: permanent(404, 'The job has no such chunk', 'Check the chunk id and the job id.'),
  RETRY_NOT_FOUND: permanent(404, 'There is no such retry', 'Check the group id that the retry was answered with.'),
  DOCUMENT_IN_PROGRESS: retryable(
    409,
    'The same file came without its password and is still being read',
    'Send the file with its password again when that document has failed; nothing of this upload was kept.',
  ),
  JOB_ENDED: permanent(
    409,
    'The job has ended',
    'What has ended cannot be cancelled; its failed chunks can be retried.',
  ),
  JOB_NOT_RETRYABLE: permanent(
    409,
    'The job cannot be tried again',
    'It could not be read and its original is no longer kept: delete the document, mend the file and upload it again.',
  ),
  COLLECTION_NOT_FOUND: permanent(404, 'There is no such collection', 'Check the collection id.'),
  HEADERS_TOO_LARGE: permanent(431, 'The request headers are too large', 'Send smaller headers.'),
  PAYLOAD_TOO_LARGE: permanent(413, 'The request body is too large', 'Send a smaller JSON body.'),
  INTERNAL: retryable(
    500,
    'Something went wrong inside Millrace',
    'Try again; if it stays, look up the request id in the logs.',
  ),

  // Uploads
  UPLOAD_NO_FILE: permanent(
    400,
    'The upload holds no file',
    'Send one file in the multipart field "file", or the file itself as the body with its content type.',
  ),
  UPLOAD_EMPTY: permanent(400, 'The uploaded file is empty', 'Send a file that holds at least one byte.'),
  UPLOAD_MALFORMED: permanent(
    400,
    'The upload is not well-formed multipart form data',
    'Send multipart/form-data with a boundary and one file field named "file".',
  ),
  UPLOAD_INTERRUPTED: permanent(400, 'The upload ended before the whole file had arrived', 'Send the file again.'),
  UPLOAD_TOO_LARGE: permanent(413, 'The uploaded file is too large', 'Send a smaller file, or raise UPLOAD_MAX_BYTES.'),
  UNSUPPORTED_MEDIA_TYPE: permanent(
    415,
    'This kind of file is not supported',
    'Send a PDF, plain text, Markdown or HTML. The content decides, not the name.',
  ),

  // Documents
  PDF_CORRUPT: permanent(
    422,
    'The PDF is broken and cannot be read',
    'Repair or re-export the file and upload it again.',
  ),
  PDF_ENCRYPTED: permanent(
    422,
    'The PDF is encrypted and asks for a password',
    'Upload it again with its password: in the form field "password", or in the header X-Document-Password.',
  ),
  PDF_ENCRYPTION_UNSUPPORTED: permanent(
    422,
    'The PDF is encrypted in a way that is not supported',
    'Save it without encryption with the program it is opened with, and upload that file.',
  ),
  PDF_PASSWORD_WRONG: permanent(
    422,
    'The password does not open the PDF',
    'Upload the file again with the right password; nothing of this upload was kept.',
  ),
  UNLOCK_TIMEOUT: permanent(
    422,
    'Taking the password off the PDF took too long',
    'Take it off with the program the PDF is opened with, and upload that file; nothing of this upload was kept.',
  ),
  UNLOCK_BUSY: retryable(
    503,
    'Too many encrypted PDFs come at once',
    'Send the file again after the time in Retry-After; nothing of this upload was kept.',
  ),
  UNLOCK_LOST: retryable(
    503,
    'The process that took the password off the PDF was killed',
    'Send the file again, nothing of this upload was kept; if it stays, give the API more memory.',
  ),
  PDF_PAGES_LOST: permanent(
    422,
    'Pages of the PDF may be missing',
    'The pages that were found in the broken file are searchable; upload it again whole if it had more.',
  ),
  PDF_NO_TEXT: permanent(
    422,
    'The document holds no text',
    'The pages are blank, or images in which no text was found (or OCR is off); upload a version with a text layer.',
  ),
  PDF_TOO_MANY_PAGES: permanent(
    422,
    'The document has too many pages',
    'Split the file; or raise PDF_MAX_PAGES, delete the document and upload it again.',
  ),
  PDF_TIMEOUT: permanent(
    422,
    'Reading the PDF took too long',
    'Split or simplify the file; or raise PDF_TIMEOUT_MS (for a page of a text PDF_PAGE_TIMEOUT_MS), delete the document and upload it again.',
  ),
  PDF_OPEN_TIMEOUT: permanent(
    422,
    'Opening the file took too long',
    'Re-export the file; or raise PDF_OPEN_TIMEOUT_MS, delete the document and upload it again.',
  ),
  PDF_UNREADABLE: permanent(
    422,
    'Reading the PDF ended the reading process',
    'The file crashes the PDF engine or needs too much memory; re-export it and upload it again.',
  ),
  PAGE_FAILED: permanent(
    422,
    'A page of the PDF cannot be read',
    'The other pages of the document are searchable; repair the page and upload again.',
  ),
  PAGE_TIMEOUT: permanent(
    422,
    'Reading a page of the PDF took too long',
    'The other pages are searchable; raise PDF_PAGE_TIMEOUT_MS and retry the failed pages.',
  ),
  PAGE_TOO_LARGE: permanent(
    422,
    'A page of the PDF takes too much memory',
    'The other pages are searchable; raise PDF_MAX_MEMORY_BYTES and retry the failed pages.',
  ),
  PAGE_CRASHED: permanent(
    422,
    'A page of the PDF crashes the PDF engine',
    'The other pages are searchable; re-export the file and upload it again.',
  ),
  OCR_FAILED: permanent(
    422,
    'The text in the image of a page cannot be recognized',
    'The other pages are searchable; retry the failed pages.',
  ),
  OCR_TIMEOUT: permanent(
    422,
    'Recognizing the text of a page took too long',
    'The other pages are searchable; raise OCR_PAGE_TIMEOUT_MS and retry the failed pages.',
  ),
  OCR_LIMIT: permanent(
    422,
    'The document has more for OCR than is taken',
    'The pages before it are searchable; raise OCR_MAX_PAGES, or PDF_TIMEOUT_MS where time ran out, and retry the failed pages.',
  ),

  TEXT_UNREADABLE: permanent(
    422,
    'The file cannot be read as text',
    'Save it as UTF-8, in a simpler form if it is HTML, and upload it again.',
  ),
  TEXT_TOO_LARGE: permanent(422, 'The document holds too much text', 'Split the file and upload its parts.'),

  // Embedding
  EMBEDDING_RATE_LIMITED: retryable(
    503,
    'The embedding provider limits the rate of requests',
    'The work is tried again later by itself.',
  ),
  EMBEDDING_TIMEOUT: retryable(
    504,
    'The embedding provider did not answer in time',
    'The work is tried again; check the provider if it stays.',
  ),
  EMBEDDING_UNAVAILABLE: retryable(
    503,
    'The embedding provider cannot be reached or answers with an error',
    'The work is tried again; check the provider if it stays.',
  ),
  EMBEDDING_INVALID_RESPONSE: retryable(
    502,
    'The embedding provider gave an answer that cannot be used',
    'The work is tried again; check the provider if it stays.',
  ),
  EMBEDDING_REJECTED: permanent(
    502,
    'The embedding provider refuses the request',
    "Check EMBEDDING_MODEL, OPENAI_API_KEY and OPENAI_BASE_URL; the provider's words stand in the detail.",
  ),
  EMBEDDING_DIMENSION_MISMATCH: permanent(
    502,
    'The embedding provider returned vectors of the wrong length',
    'Set EMBEDDING_MODEL and EMBEDDING_DIMENSIONS to a pair that belongs together.',
  ),

  // Work and infrastructure
  CANCELLED: permanent(
    409,
    'The work was cancelled',
    "Retry the job's chunks to go on with it, or delete the document.",
  ),
  PARSER_LOST: retryable(
    503,
    'The process that read the PDF was killed',
    'The document is read again by itself; if it stays, give the chunker more memory.',
  ),
  WORKER_LOST: retryable(503, 'The worker stopped before it finished', 'The work is tried again by itself.'),
  BLOB_MISSING: permanent(
    500,
    'The original file is gone from the blob store',
    'Check that every service uses the same BLOB_DIR; then delete the document and upload it again.',
  ),
  STORAGE_UNAVAILABLE: retryable(
    507,
    'The blob store cannot take the file',
    'Free space in BLOB_DIR or mend its permissions, then try again.',
  ),
  DATABASE_UNAVAILABLE: retryable(
    503,
    'The database cannot be reached',
    'Try again; check DATABASE_URL and the database server if it stays.',
  ),
  DATABASE_BUSY: retryable(
    503,
    'All connections to the database are in use',
    'Try again; raise DATABASE_POOL_MAX if it stays and the server allows more connections.',
  ),
  DATABASE_TIMEOUT: retryable(
    504,
    'The database took too long',
    'Try again; if it stays, look for what keeps the database busy, or raise DATABASE_STATEMENT_TIMEOUT_MS.',
  ),
  DATABASE_TLS_FAILED: permanent(
    503,
    'The connection to the database cannot be secured',
    "Check sslmode in DATABASE_URL, the CA in DATABASE_CA_FILE, and the server's certificate: who signed it, for which host, until when.",
  ),
  QUEUE_UNAVAILABLE: retryable(
    503,
    'Redis cannot be reached',
    'Try again; check REDIS_URL and the Redis server if it stays.',
  ),
  SETUP_INVALID: permanent(
    500,
    'The database is not set up for this configuration',
    'Follow the message; it names the command.',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** True when `code` is one of the catalogue's. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
}

export interface MillraceErrorOptions {
  cause?: unknown;
  /** How long to wait before trying again, in milliseconds (from Retry-After, for example). */
  retryAfterMs?: number;
  /** Further members for the problem document, such as `errors` or `limit`. */
  extra?: Record<string, unknown>;
}

/** An error with a code from the catalogue. `message` says what happened in this case, for people. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly extra: Record<string, unknown>;

  constructor(code: ErrorCode, message?: string, options: MillraceErrorOptions = {}) {
    // The message may be somebody else's words, and is stored: a NUL in it would make PostgreSQL refuse the whole record.
    super(cleanText(message ?? errorCatalogue[code].title), { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.extra = options.extra ?? {};
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

/** Gives any thrown value a code: a MillraceError keeps its own, anything else becomes `fallback`. */
export function toMillraceError(error: unknown, fallback: ErrorCode = 'INTERNAL'): MillraceError {
  if (error instanceof MillraceError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new MillraceError(fallback, message, { cause: error });
}

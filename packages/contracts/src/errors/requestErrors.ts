import { type ErrorEntry, permanent, retryable } from './entry';

/** What is wrong with a request or an upload. */
export const requestErrors = {
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
} as const satisfies Record<string, ErrorEntry>;

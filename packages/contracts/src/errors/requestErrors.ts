import { type ErrorEntry, permanent, retryable } from './entry';

/** What is wrong with a request or an upload. */
export const requestErrors = {
  // Requests
  REQUEST_INVALID: permanent(400, 'The request is not valid', 'Correct the fields that "errors" names.'),
  JSON_MALFORMED: permanent(
    400,
    'The request body is not JSON',
    'Send a well-formed JSON object with Content-Type: application/json.',
  ),
  UNAUTHENTICATED: permanent(
    401,
    'The API key or token is missing, unknown, expired or revoked',
    'Send "Authorization: Bearer KEY" with an API key or an access token that is in force.',
  ),
  TOKEN_EXPIRED: permanent(
    401,
    'The token has expired',
    'Get a new one: POST /api/v1/auth/token with the refresh token.',
  ),
  SIGN_IN_FAILED: permanent(
    401,
    'The e-mail address or the password is wrong, or the user may not sign in',
    'Check both. An admin can set a new password.',
  ),
  REFRESH_TOKEN_INVALID: permanent(
    401,
    'The refresh token is unknown, used, expired or revoked',
    'Sign in again. A token that is used twice ends its sign-in, because somebody else may have it.',
  ),
  IDENTITY_PROVIDER_UNAVAILABLE: retryable(
    503,
    'The keys of the outside OpenID provider cannot be fetched',
    'Try again. If it happens again, check OIDC_ISSUER and OIDC_JWKS_URL.',
  ),
  FORBIDDEN: permanent(
    403,
    'The principal may not do this',
    'Ask a manager of the collection or an admin for a higher role, or use an API key with a wider scope.',
  ),
  NOT_FOUND: permanent(404, 'There is no such address', 'See /docs for all addresses of this API.'),
  CROSS_SITE: permanent(
    403,
    'A browser made the request, and no page of this API did',
    'Open the page itself and sign in there, or send the API key in a header.',
  ),
  METHOD_NOT_ALLOWED: permanent(
    405,
    'This address does not accept that method',
    'See the Allow header for the methods that it accepts.',
  ),
  DOCUMENT_NOT_FOUND: permanent(404, 'There is no such document', 'Check the document id.'),
  JOB_NOT_FOUND: permanent(404, 'There is no such job', 'Check the job id.'),
  CHUNK_NOT_FOUND: permanent(404, 'The job has no such chunk', 'Check the chunk id and the job id.'),
  RETRY_NOT_FOUND: permanent(404, 'There is no such retry', 'Check the group id in the answer to the retry.'),
  DOCUMENT_IN_PROGRESS: retryable(
    409,
    'The document is still being read or embedded',
    'Send the request again after the time in Retry-After, when its job has ended. A file that comes with its password must wait until it has failed without.',
  ),
  DUPLICATE_DOCUMENT: permanent(
    409,
    'The collection already has this document',
    'Use the document that "document_id" names, or delete it first.',
  ),
  DOCUMENT_NOT_SEARCHABLE: permanent(
    409,
    'Only a document that is ready or partial can be copied',
    'Retry its job first, or upload the file into the other collection.',
  ),
  VERSION_NOT_CURRENT: permanent(
    409,
    'An old version of a document cannot be moved alone',
    'Move the current version. All versions go with it.',
  ),
  VERSION_NOT_SEARCHABLE: permanent(
    409,
    'This version of the document cannot be made current',
    'Only a version that is ready or partial can be brought back. Retry its job first, or wait for its end.',
  ),
  IDEMPOTENCY_KEY_REUSED: permanent(
    422,
    'This Idempotency-Key belongs to another request',
    'Use a new key for each request. Repeat a request unchanged: the same options, file name and file.',
  ),
  IDEMPOTENCY_IN_PROGRESS: retryable(
    409,
    'The first request with this Idempotency-Key has not been answered yet',
    'Repeat the request after the time in Retry-After.',
  ),
  JOB_ENDED: permanent(
    409,
    'The job has ended',
    'A job that has ended cannot be cancelled. Its failed chunks can be retried.',
  ),
  JOB_NOT_RETRYABLE: permanent(
    409,
    'The job cannot be retried',
    'Its document could not be read, and the original is no longer kept. Delete the document, repair the file and upload it again.',
  ),
  COLLECTION_NAME_TAKEN: permanent(
    409,
    'The owner has another collection of this name',
    'Choose another name, or use the collection that "collection_id" names.',
  ),
  COLLECTION_NOT_EMPTY: permanent(
    409,
    'The collection has documents',
    'Delete its documents first, or confirm with its name that they are to be deleted too: ?name=NAME.',
  ),
  QUOTA_EXCEEDED: permanent(
    403,
    'The collection has no room for the document',
    'Delete documents of the collection, or ask an admin for a higher quota. "quota", "limit" and "used" say which and how much.',
  ),
  DAILY_QUOTA_EXCEEDED: retryable(
    429,
    'The collection has made as many chunks today as it may',
    'Send the file again on the next day (in UTC, see Retry-After), or ask an admin for a higher quota. What was accepted before is read.',
  ),
  MEMBER_NOT_FOUND: permanent(
    404,
    'The collection is not shared with this user or group',
    'See the members of the collection for their ids.',
  ),
  MEMBER_IS_OWNER: permanent(
    409,
    'The owner of a collection is always a manager of it',
    'Hand the collection over to another owner first: change its owner_id.',
  ),
  USER_NOT_FOUND: permanent(404, 'There is no such user', 'Check the id or the address of the user.'),
  GROUP_NOT_FOUND: permanent(404, 'There is no such group', 'Check the id of the group.'),
  COLLECTION_NOT_FOUND: permanent(404, 'There is no such collection', 'Check the collection id.'),

  // Accounts
  EMAIL_TAKEN: permanent(409, 'Another user has this e-mail address', 'Use another address, or change that user.'),
  LAST_ADMIN: permanent(
    409,
    'This is the last active admin',
    'Make another user an admin first. Otherwise nobody could manage users.',
  ),
  FIRST_ADMIN: permanent(
    409,
    'The first admin cannot be deleted',
    'The configured API key is its key. Disable it, or give it another e-mail address and password.',
  ),
  USER_OWNS_COLLECTIONS: permanent(
    409,
    'The user owns collections',
    'Delete them, or name the user who gets them: ?transfer_to=USER_ID.',
  ),
  PASSWORD_WRONG: permanent(
    403,
    'The current password is wrong',
    'Send the current password, or ask an admin for a new one.',
  ),
  GROUP_EXISTS: permanent(409, 'Another group has this name', 'Choose another name.'),
  KEY_NOT_FOUND: permanent(404, 'There is no such API key', 'Check the key id.'),
  HEADERS_TOO_LARGE: permanent(431, 'The request headers are too large', 'Send smaller headers.'),
  PAYLOAD_TOO_LARGE: permanent(413, 'The request body is too large', 'Send a smaller JSON body.'),
  REQUEST_TOO_SLOW: retryable(408, 'The request came too slowly', 'Send it again over a faster connection.'),
  TOO_MANY_REQUESTS: retryable(
    429,
    'There were too many requests in a short time',
    'Send the request again after the time in Retry-After. The header RateLimit says how many requests are left.',
  ),
  INTERNAL: retryable(
    500,
    'Something went wrong inside Millrace',
    'Try again. If it happens again, search the logs for the request id.',
  ),

  // Uploads
  UPLOAD_NO_FILE: permanent(
    400,
    'The upload holds no file',
    'Send one file in the multipart field "file", or send the file as the body with its content type.',
  ),
  UPLOAD_EMPTY: permanent(400, 'The uploaded file is empty', 'Send a file with at least one byte.'),
  UPLOAD_MALFORMED: permanent(
    400,
    'The upload is not well-formed multipart form data',
    'Send multipart/form-data with a boundary and one file field named "file".',
  ),
  UPLOAD_INTERRUPTED: permanent(400, 'The upload ended before the whole file arrived', 'Send the file again.'),
  UPLOAD_TOO_LARGE: permanent(413, 'The uploaded file is too large', 'Send a smaller file, or raise UPLOAD_MAX_BYTES.'),
  UNSUPPORTED_MEDIA_TYPE: permanent(
    415,
    'The type of the file is not supported',
    'Send a file of one of the types in "accepted". The content of the file decides, not its name.',
  ),

  // Addresses that Millrace fetches for a user
  URL_INVALID: permanent(400, 'The address cannot be fetched', 'Send an http or https address without a password.'),
  URL_BLOCKED: permanent(
    422,
    'The address leads where Millrace may not fetch',
    'Send an address that is public. An operator can allow networks with GUARDED_FETCH_ALLOW and ports with GUARDED_FETCH_PORTS.',
  ),
  URL_UNRESOLVED: permanent(422, 'The host of the address is not known', 'Check the address.'),
  URL_UNREACHABLE: retryable(502, 'The server of the address cannot be reached or broke off', 'Try again later.'),
  URL_TIMEOUT: retryable(504, 'The server of the address took too long', 'Try again later.'),
  URL_TOO_LARGE: permanent(422, 'What the address holds is too large', 'Send the address of something smaller.'),
  URL_TOO_MANY_REDIRECTS: permanent(422, 'The address is redirected too often', 'Send the address that it leads to.'),
  URL_CONTENT_REFUSED: permanent(
    422,
    'The address holds another type or encoding than is accepted',
    'Send the address of a file of an accepted type.',
  ),
} as const satisfies Record<string, ErrorEntry>;
